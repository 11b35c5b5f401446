// The support vector machines behind a bilinear CNN: loss and medians by hand, mirrored views.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { marginLoss, scaledScores } from '../../src/methods/bilinear/svm-finish.ts';
import { mirrored } from '../../src/nn/scda.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { runGraph } from '../support/run-graph.ts';

/** The loss of scores z W' + b with W the identity and no bias, so that the scores are the rows. */
async function lossOf(rows: number[][], labels: number[][], medians = { own: 1, others: -1 }) {
  const shape = [rows.length, rows[0].length];
  const parameters = new Parameters();
  const head = parameters.root().child('head');
  const z = input('z', shape);
  const loss = marginLoss(head, z, input('labels', shape));
  const [dz] = gradients(loss, [z]);
  const [own, others] = ['own', 'others'].map((name) => parameters.updates.get(`head.${name}`)!);
  const k = shape[1];
  const identity = Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));
  const numbers = new Map([
    ['head.weight', float32([k, k], identity)],
    ['head.bias', float32([k], new Array(k).fill(0))],
    ['head.own', float32([k], new Array(k).fill(medians.own))],
    ['head.others', float32([k], new Array(k).fill(medians.others))],
  ]);
  const feeds = { z: float32(shape, rows.flat()), labels: float32(shape, labels.flat()) };
  return await runGraph({ loss, dz, own, others }, feeds, {
    constants: (path) => numbers.get(path),
  });
}

// t = (1, -1): max(0, 1 - 0.5)^2 + max(0, 1 + 0.2)^2; the second row has no violation but 1 - 0.4
test('squared hinges of every class against the rest, by hand', async () => {
  const { loss, dz } = await lossOf(
    [
      [0.5, 0.2],
      [-2, 0.4],
    ],
    [
      [1, 0],
      [0, 1],
    ],
  );
  expect(loss).toBeAllClose([(0.25 + 1.44 + 0.36) / 2]);
  // d max(0, 1 - t s)^2 / ds = -2 t max(0, 1 - t s)
  expect(dz).toBeAllClose([-0.5, 1.2, 0, -0.6]);
});

test('a row without a label counts nowhere', async () => {
  const { loss, dz, own, others } = await lossOf(
    [
      [2, -2],
      [9, 9],
    ],
    [
      [1, 0],
      [0, 0],
    ],
  );
  expect(loss).toEqual([0]);
  expect(dz.every((v) => v === 0)).toBe(true);
  // class 0 has one image of its own above its median; class 1 one of another below its median
  expect(own).toBeAllClose([1.02, 1]);
  expect(others).toBeAllClose([-1, -1.02]);
});

test('medians settle where half of the scores are on either side', async () => {
  const r = randomStream(1, 'median');
  const rows = Array.from({ length: 41 }, () => [r.uniform(0, 2) ** 3]);
  const labels = rows.map(() => [1]);
  const sorted = rows.map(([v]) => v).sort((a, b) => a - b);
  let own = 1;
  for (let i = 0; i < 60; i++) own = (await lossOf(rows, labels, { own, others: -1 })).own[0];
  expect(Math.abs(own - sorted[20])).toBeLessThan(0.03);
});

// own 3, others 1: 2 becomes 0, 3 becomes 1, 1 becomes -1
test('scores are scaled so that the medians are 1 and -1', async () => {
  const head = new Parameters().root().child('head');
  const scores = scaledScores(head, input('z', [3, 1]), 1);
  const numbers = new Map([
    ['head.weight', float32([1, 1], [1])],
    ['head.bias', float32([1], [0])],
    ['head.own', float32([1], [3])],
    ['head.others', float32([1], [1])],
  ]);
  const run = await runGraph(
    { scores },
    { z: float32([3, 1], [2, 3, 1]) },
    { constants: (path) => numbers.get(path) },
  );
  expect(run.scores).toBeAllClose([0, 1, -1]);
});

test('mirroring reverses the columns of photographs and of maps', async () => {
  const [image, map] = [input('image', [1, 1, 3, 2]), input('map', [1, 2, 3])];
  const run = await runGraph(
    { i: mirrored(image), m: mirrored(map) },
    {
      image: float32([1, 1, 3, 2], [1, 2, 3, 4, 5, 6]),
      map: float32([1, 2, 3], [1, 2, 3, 4, 5, 6]),
    },
  );
  expect(run.i).toEqual([5, 6, 3, 4, 1, 2]);
  expect(run.m).toEqual([3, 2, 1, 6, 5, 4]);
});
