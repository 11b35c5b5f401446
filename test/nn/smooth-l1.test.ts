// The loss of boxes by hand: both branches, and where they meet.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { smoothL1 } from '../../src/nn/smooth-l1.ts';
import { runGraph } from '../support/run-graph.ts';

async function lossOf(x: number[], target: number[], rows = 1) {
  const shape = [rows, x.length / rows];
  const value = input('x', shape);
  const loss = smoothL1(value, input('target', shape), 0.5);
  const [dx] = gradients(loss, [value]);
  return await runGraph({ loss, dx }, { x: float32(shape, x), target: float32(shape, target) });
}

// beta 1/2: d = 1/4 gives d^2 / (2 beta) = 1/16, d = 2 gives d - beta / 2 = 7/4
test('quadratic near the target, linear far from it; summed over a row', async () => {
  const { loss, dx } = await lossOf([1.25, -2], [1, 0]);
  expect(loss).toBeAllClose([1 / 16 + 7 / 4], { rtol: 1e-6 });
  expect(dx).toBeAllClose([0.5, -1], { rtol: 1e-6 });
});

test('averaged over rows, and zero at the target', async () => {
  const { loss, dx } = await lossOf([1, 1, 0, 2], [1, 1, 0, 0], 2);
  expect(loss).toBeAllClose([7 / 8], { rtol: 1e-6 });
  expect(dx).toBeAllClose([0, 0, 0, 0.5], { rtol: 1e-6 });
});
