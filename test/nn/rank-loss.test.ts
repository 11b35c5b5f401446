// The rank loss by hand, and who is pushed by it.
import { expect, test } from 'vitest';
import { float32, int64 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { rankLoss, truthProbability } from '../../src/nn/rank-loss.ts';
import { runGraph } from '../support/run-graph.ts';

const LOG3 = Math.log(3);

async function ranked(coarser: number[][], finer: number[][], truth: number[], margin: number) {
  const shape = [coarser.length, coarser[0].length];
  const [a, b] = ['a', 'b'].map((name) => input(name, shape));
  const labels = input('labels', [truth.length], 'int64');
  const loss = rankLoss(a, b, labels, margin);
  const [da, db] = gradients(loss, [a, b]);
  const feeds = {
    a: float32(shape, coarser.flat()),
    b: float32(shape, finer.flat()),
    labels: int64([truth.length], truth),
  };
  const outputs = { loss, da, db, p: truthProbability(a, labels) };
  // the gradient of the coarser scale is a constant: only that of the finer one is computed
  return await runGraph(outputs, feeds);
}

// softmax(0, log 3) = (1/4, 3/4), softmax(0, 0) = (1/2, 1/2)
test('max(0, p - p + margin), averaged over the batch', async () => {
  const coarser = [
    [0, LOG3],
    [0, 0],
  ];
  const finer = [
    [0, 0],
    [0, LOG3],
  ];
  // first: 3/4 - 1/2 + 0.05; second: 1/2 - 3/4 + 0.05 < 0
  const { loss, p } = await ranked(coarser, finer, [1, 1], 0.05);
  expect(p).toBeAllClose([0.75, 0.5], { rtol: 1e-6 });
  expect(loss).toBeAllClose([0.3 / 2], { rtol: 1e-6 });
});

test('only the finer scale is pushed: -p (onehot - p) / N where it falls short, else zero', async () => {
  const same = [
    [0, LOG3],
    [0, 0],
  ];
  const { da, db } = await ranked(
    same,
    [
      [0, 0],
      [0, LOG3],
    ],
    [1, 1],
    0.05,
  );
  expect(da).toEqual([0, 0, 0, 0]);
  expect(db).toBeAllClose([0.25 / 2, -0.25 / 2, 0, 0], { atol: 1e-7 });
});
