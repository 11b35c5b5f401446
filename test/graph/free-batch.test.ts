// Functions that a recogniser may use keep the batch free: the same file takes any number of rows.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gelu, hardSwish } from '../../src/graph/ops/activation.ts';
import { cast, greater } from '../../src/graph/ops/compare.ts';
import { convTranspose2d } from '../../src/graph/ops/conv-transpose.ts';
import { layerNorm } from '../../src/graph/ops/layer-norm.ts';
import { constant, filled, input } from '../../src/graph/ops/leaf.ts';
import { localResponseNorm } from '../../src/graph/ops/local-response-norm.ts';
import { softmax } from '../../src/graph/ops/reduce.ts';
import { concat, slice, split } from '../../src/graph/ops/slice.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { squareAround } from '../../src/nn/object-square.ts';
import { fixedSquare, zoom } from '../../src/nn/zoom.ts';
import { uniformTensor } from '../support/golden.ts';
import { runGraph } from '../support/run-graph.ts';

const kernel = (shape: number[]) => constant(float32(shape, uniformTensor('kernel', shape)));

const functions: Record<string, (x: Value) => Value> = {
  gelu,
  hardSwish,
  softmax,
  layerNorm: (x) => layerNorm(x, filled([5, 6], 2), filled([5, 6], 1)),
  localResponseNorm: (x) => localResponseNorm(x, { size: 3, alpha: 1 }),
  'split and concat': (x) => concat(split(x, 1, 2).reverse(), 1),
  zoom: (x) => zoom(slice(x, 3, 0, 5), fixedSquare(1, 0.3), 7),
  'a square around a mask': (x) => squareAround(cast(greater(slice(x, 1, 0, 1), 0), 'float32')),
  'convTranspose2d, stride 1': (x) => convTranspose2d(x, kernel([4, 3, 3, 3])),
  'convTranspose2d, stride 2': (x) =>
    convTranspose2d(x, kernel([4, 3, 3, 3]), filled([3], 1), {
      strides: 2,
      pads: 1,
      outputPadding: 1,
    }),
};

test.each(Object.entries(functions))('%s', async (_, build) => {
  const row = [4, 5, 6];
  const y = build(input('x', [2, ...row]));
  for (const batch of [1, 3]) {
    const numbers = uniformTensor('rows', [batch, ...row], { low: -2, high: 2 });
    const feeds = { x: float32([batch, ...row], numbers) };
    const got = await runGraph({ y }, feeds, { freeBatch: 'batch' });
    const [expected] = evaluate([build(input('x', [batch, ...row]))], { x: numbers });
    expect(got.y).toBeAllClose(expected.data, { rtol: 1e-5, atol: 1e-6 });
  }
});
