// Cross entropy and its targets, by hand.
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, int64 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { topologicalOrder } from '../../src/graph/value.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { classEntropy, crossEntropy, oneHot, smoothTargets } from '../../src/nn/losses.ts';
import { runGraph } from '../support/run-graph.ts';

/** Loss and its gradient in the logits. */
async function entropy(logits: number[][], targets: ArrayLike<number>) {
  const shape = [logits.length, logits[0].length];
  const x = input('x', shape);
  const loss = crossEntropy(x, input('targets', shape));
  const [dx] = gradients(loss, [x]);
  const feeds = { x: float32(shape, logits.flat()), targets: float32(shape, targets) };
  const results = await runGraph({ loss, dx }, feeds);
  return { loss: results.loss[0], dx: results.dx };
}

test('targets without smoothing are one-hot', () => {
  expect([...smoothTargets([2, 0], 3)]).toEqual([0, 0, 1, 1, 0, 0]);
});

test('smoothing s over K classes: s / K everywhere, 1 - s more on the label', () => {
  const targets = smoothTargets([1], 4, 0.2);
  expect(targets).toBeAllClose([0.05, 0.85, 0.05, 0.05]);
});

test('smoothed targets are distributions', () => {
  const sum = smoothTargets([4], 5, 0.1).reduce((total, q) => total + q, 0);
  expect([sum]).toBeAllClose([1], { rtol: 1e-6 });
});

test('a label of -1 is a row of zeros', () => {
  expect([...smoothTargets([-1, 1], 2, 0.1)].slice(0, 2)).toEqual([0, 0]);
});

// softmax(0, log 3) = (1/4, 3/4): loss -log(3/4), gradient softmax - q
test('one row, by hand', async () => {
  const { loss, dx } = await entropy([[0, Math.log(3)]], smoothTargets([1], 2));
  expect([loss]).toBeAllClose([Math.log(4 / 3)]);
  expect(dx).toBeAllClose([0.25, -0.25]);
});

// q = (0.1, 0.9): -0.1 log(1/4) - 0.9 log(3/4)
test('one row with smoothing 0.2, by hand', async () => {
  const { loss, dx } = await entropy([[0, Math.log(3)]], smoothTargets([1], 2, 0.2));
  expect([loss]).toBeAllClose([0.1 * Math.log(4) + 0.9 * Math.log(4 / 3)]);
  expect(dx).toBeAllClose([0.15, -0.15]);
});

test('equal logits cost log K whatever the target', async () => {
  const targets = [0.2, 0.3, 0.5];
  expect([(await entropy([[7, 7, 7]], targets)).loss]).toBeAllClose([Math.log(3)]);
});

test('the loss is the mean over the batch', async () => {
  const rows = [
    [0, Math.log(3)],
    [0, 0],
  ];
  const { loss, dx } = await entropy(rows, smoothTargets([1, 0], 2));
  expect([loss]).toBeAllClose([(Math.log(4 / 3) + Math.log(2)) / 2]);
  expect(dx).toBeAllClose([0.125, -0.125, -0.25, 0.25]);
});

test('a padded row has no loss and no gradient, whatever its logits', async () => {
  const rows = [
    [0, Math.log(3)],
    [50, -20],
  ];
  const { loss, dx } = await entropy(rows, smoothTargets([1, -1], 2, 0.2));
  // the divisor stays the size of the batch
  expect([loss]).toBeAllClose([(0.1 * Math.log(4) + 0.9 * Math.log(4 / 3)) / 2]);
  expect(dx).toBeAllClose([0.075, -0.075, 0, 0]);
});

test('large logits neither overflow nor lose the loss', async () => {
  const { loss, dx } = await entropy([[1000, 0]], smoothTargets([1], 2));
  expect([loss]).toBeAllClose([1000]);
  expect(dx).toBeAllClose([1, -1]);
});

describe('classes as indices', () => {
  const rows = [
    [0, Math.log(3), 1],
    [2, -1, 0.5],
    [50, -20, 0],
  ];
  const labels = [1, 2, 0];
  const others = [2, 1, 0];
  const weights = [1, 1, 0];
  const x = input('x', [3, 3]);
  const feeds = {
    x: float32([3, 3], rows.flat()),
    labels: int64([3], labels),
    others: int64([3], others),
    weights: float32([3], weights),
    share: float32([], [0.7]),
  };
  const given = (smoothing: number, mixup: number) =>
    stageBatch({ source: 'features', settings: { smoothing, mixup, cutmix: 0 } }, [3, 3]).targets;

  test.each([
    [0, 0],
    [0.1, 0],
    [0, 0.4],
    [0.2, 0.4],
  ])('smoothing %f, mixup %f: as with the distributions written out', async (smoothing, mixup) => {
    const distributions = smoothTargets([1, 2, -1], 3, smoothing);
    if (mixup > 0) {
      const second = smoothTargets([2, 1, -1], 3, smoothing);
      distributions.forEach((q, i) => {
        distributions[i] = 0.7 * q + 0.3 * second[i];
      });
    }
    const expected = await entropy(rows, distributions);
    const loss = classEntropy(x, given(smoothing, mixup));
    const [dx] = gradients(loss, [x]);
    const found = await runGraph({ loss, dx }, feeds);
    expect(found.loss).toBeAllClose([expected.loss], { rtol: 1e-6 });
    expect(found.dx).toBeAllClose(expected.dx, { rtol: 1e-5, atol: 1e-7 });
  });

  test('no tensor of the step has a row for each class but what the logits have', () => {
    const wide = 1000;
    const logits = input('logits', [4, wide]);
    const targets = stageBatch(
      { source: 'features', settings: { smoothing: 0.1, mixup: 0.2, cutmix: 0 } },
      [4, wide],
    ).targets;
    const leaves = topologicalOrder([classEntropy(logits, targets)]).filter(
      ({ inputs }) => inputs.length === 0,
    );
    const sizes = leaves.flatMap(({ outputs }) => outputs.map(({ shape }) => sizeOf(shape)));
    expect(sizes.filter((size) => size > 4)).toEqual([4 * wide]);
  });

  test('one-hot rows, for losses that ask of every class', async () => {
    const { rows: found } = await runGraph({ rows: oneHot(given(0, 0).labels, 3) }, feeds);
    expect(found).toEqual([0, 1, 0, 0, 0, 1, 1, 0, 0]);
  });
});
