// Proposed squares stay within the image whatever the network says, and begin in the middle.
import { expect, test } from 'vitest';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { proposeSquare } from '../../src/nn/attention-proposal.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { uniformTensor } from '../support/golden.ts';
import { runGraph } from '../support/run-graph.ts';

const SHAPE = [4, 40, 3, 3];

async function propose(change: (store: ParameterStore) => void = () => {}, anchors?: number[][]) {
  const parameters = new Parameters();
  const anchor = anchors && constant(float32([4, 3], anchors.flat()));
  const square = proposeSquare(parameters.root(), input('map', SHAPE), anchor);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 1);
  change(store);
  const slopes = gradients(
    sum(square),
    parameters.trainable().map(({ value }) => value),
  );
  const outputs = { square, ...Object.fromEntries(slopes.map((g, i) => [`d${i}`, g])) };
  const map = float32(SHAPE, uniformTensor('map', SHAPE, { low: 0, high: 6 }));
  return await runGraph(outputs, { map, ...Object.fromEntries(store) });
}

const bias = (numbers: number[]): HostTensor => float32([3], numbers);

test('untrained, it is nearly the centre, of the middle size; and everything learns', async () => {
  const { square, ...slopes } = await propose();
  const middle = Array.from({ length: 4 }, () => [0.5, 0.5, 0.375]).flat();
  expect(square).toBeAllClose(middle, { atol: 0.02 });
  for (const [name, slope] of Object.entries(slopes)) {
    expect(
      slope.some((g) => g !== 0),
      name,
    ).toBe(true);
  }
});

test('with an anchor it is nearly that, and still learns at its limits', async () => {
  const anchors = [
    [0.45, 0.6, 0.3],
    [0.5, 0.5, 0.5],
    [0.25, 0.75, 0.25],
    [0.7, 0.3, 0.3],
  ];
  const { square, ...slopes } = await propose(() => {}, anchors);
  expect(square).toBeAllClose(anchors.flat(), { atol: 0.02 });
  for (const [name, slope] of Object.entries(slopes)) {
    expect(
      slope.some((g) => g !== 0),
      name,
    ).toBe(true);
  }
});

test.each([
  [
    [40, -40, -40],
    [0.75, 0.25, 0.25],
  ],
  [
    [-40, 40, -40],
    [0.25, 0.75, 0.25],
  ],
  [
    [40, -40, 40],
    [0.5, 0.5, 0.5],
  ],
])('pushed to its limits by %j it is %j, within the image', async (numbers, expected) => {
  const { square } = await propose((store) => store.set('square.bias', bias(numbers)));
  expect(square.slice(0, 3)).toBeAllClose(expected, { atol: 1e-5 });
});
