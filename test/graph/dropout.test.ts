// Inverted dropout from uniforms that the host feeds.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { dropout } from '../../src/graph/ops/compare.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { runGraph } from '../support/run-graph.ts';

async function dropped(values: number[], uniforms: number[], rate: number) {
  const shape = [values.length];
  const x = input('x', shape);
  const y = dropout(x, input('u', shape), rate);
  const [dx] = gradients(sum(y), [x]);
  return await runGraph({ y, dx }, { x: float32(shape, values), u: float32(shape, uniforms) });
}

test('zero where the uniform is below the rate, else scaled by 1 / (1 - rate)', async () => {
  const { y, dx } = await dropped([1, 2, 3, 4], [0, 0.24, 0.26, 0.99], 0.25);
  expect(y).toBeAllClose([0, 0, 4, 16 / 3]);
  expect(dx).toBeAllClose([0, 0, 4 / 3, 4 / 3]);
});

test('rate 0 keeps everything', async () => {
  const { y } = await dropped([1, -2], [1e-9, 0.9], 0);
  expect(y).toEqual([1, -2]);
});

test.each([0.2, 0.5, 0.9])('keeps the expectation at rate %d', async (rate) => {
  const stream = randomStream(5, 'dropout');
  const n = 40_000;
  const uniforms = Array.from({ length: n }, () => stream.uniform());
  const { y } = await dropped(new Array(n).fill(1), uniforms, rate);
  const mean = y.reduce((total, v) => total + v, 0) / n;
  const error = Math.sqrt(rate / (1 - rate) / n); // standard deviation of that mean
  expect(Math.abs(mean - 1)).toBeLessThan(4 * error);
});
