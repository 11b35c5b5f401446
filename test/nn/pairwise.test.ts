// Unit rows and squared distances, by hand.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { squaredDistances, unitRows } from '../../src/nn/pairwise.ts';
import { runGraph } from '../support/run-graph.ts';

async function run(rows: number[][]) {
  const shape = [rows.length, rows[0].length];
  const x = input('x', shape);
  const distances = squaredDistances(x);
  const [dDistances] = gradients(sum(distances), [x]);
  const unit = unitRows(x);
  const [dUnit] = gradients(sum(unit), [x]);
  return runGraph({ distances, dDistances, unit, dUnit }, { x: float32(shape, rows.flat()) });
}

test('|a - b|^2 of all pairs; its gradient where rows are equal is zero', async () => {
  const { distances, dDistances } = await run([
    [1, 0],
    [1, 0],
    [-1, 2],
  ]);
  expect(distances).toBeAllClose([0, 0, 8, 0, 0, 8, 8, 8, 0]);
  // each pair twice: sum_b 4 (a - b)
  expect(dDistances).toBeAllClose([8, -8, 8, -8, -16, 16]);
});

test('rows get length one; a row of zeros stays, with a finite gradient', async () => {
  const { unit, dUnit } = await run([
    [3, 4],
    [0, 0],
  ]);
  expect(unit).toBeAllClose([0.6, 0.8, 0, 0]);
  // (1 - u (u . 1)) / |x| = (1 - 1.4 u) / 5
  expect(dUnit.slice(0, 2)).toBeAllClose([(1 - 1.4 * 0.6) / 5, (1 - 1.4 * 0.8) / 5]);
  expect(dUnit.every(Number.isFinite)).toBe(true);
});
