// Triplets within a batch: cases by hand, and random ones against loops with the paper's gradients.
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32, int64 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { classLinks } from '../../src/nn/class-relations.ts';
import { squaredDistances } from '../../src/nn/pairwise.ts';
import { tripletLoss } from '../../src/nn/triplet-loss.ts';
import { runGraph } from '../support/run-graph.ts';
import { type TripletProblem, tripletsByHand } from '../support/triplets.ts';

async function run(problem: TripletProblem) {
  const { features, labels, ...relation } = problem;
  const shape = [features.length, features[0].length];
  const x = input('x', shape);
  const links = classLinks(input('labels', [labels.length], 'int64'), relation);
  const { loss, active } = tripletLoss(squaredDistances(x), links);
  const [dx] = gradients(loss, [x]);
  const found = await runGraph(
    { loss, active, dx },
    {
      x: float32(shape, features.flat()),
      labels: int64([labels.length], labels),
    },
  );
  return { loss: found.loss[0], active: found.active[0], dx: found.dx };
}

/** Numbers on a line, so that distances can be read off. */
const line = (at: number[], labels: number[], more: Partial<TripletProblem> = {}) => ({
  features: at.map((v) => [v]),
  labels,
  levels: [],
  margins: [0.2],
  ...more,
});

describe('one class against another, by hand', () => {
  // r = 0, p = 0.3, n = 0.5: D(r,p) = 0.09, D(r,n) = 0.25, D(p,n) = 0.04; m = 0.2
  // pair (r,p): 0.09 < 0.25 < 0.29 is semi-hard, hinge 0.04
  // pair (p,r): 0.04 < 0.09, none is semi-hard, hinge 0.09 - 0.04 + 0.2 = 0.25
  test('semi-hard, and the fallback to a negative that is nearer than the positive', async () => {
    const { loss, active, dx } = await run(line([0, 0.3, 0.5], [0, 0, 1]));
    expect(loss).toBeCloseTo((0.04 + 0.25) / 4, 6);
    expect(active).toBe(1);
    // d/dr: ((fn - fp) + (fr - fp')) / 2 with r as anchor of the first and positive of the second
    const [r, p, n] = [0, 0.3, 0.5];
    expect(dx).toBeAllClose([(n - p + (r - p)) / 2, (p - r + (n - r)) / 2, (r - n + (p - n)) / 2]);
  });

  test('negatives beyond the margin cost nothing and count as inactive', async () => {
    const { loss, active, dx } = await run(line([0, 0.1, 0.9, 1.05], [0, 0, 1, 1]));
    expect(loss).toBe(0);
    expect(active).toBe(0);
    expect(dx).toEqual([0, 0, 0, 0]);
  });

  // D(r,p) = 0.16; negatives at 0.25 (hinge 0.11) and 0.3025 (hinge 0.0575)
  test('of two semi-hard negatives the nearer one counts', async () => {
    const { loss } = await run(line([0, 0.4, -0.5, -0.55], [0, 0, 1, 2]));
    // pair (p, r): 0.16 against 0.81 and 0.9025: beyond the margin
    expect(loss).toBeCloseTo(0.11 / 4, 6);
  });

  // D(r,p) = 1; negatives at 0.04 (hinge 1.16) and 0.25 (hinge 0.95)
  test('of two negatives nearer than the positive the farther one counts', async () => {
    const { loss } = await run(line([0, 1, -0.2, -0.5], [0, 0, 1, 2]));
    expect(loss).toBeCloseTo(0.95 / 4, 6);
  });
});

test('nothing to compare: no positive, or no negative', async () => {
  for (const labels of [
    [0, 1, 2],
    [1, 1, 1],
  ]) {
    const { loss, active, dx } = await run(line([0, 0.3, 0.5], labels));
    expect([loss, active, ...dx].map(Math.abs), String(labels)).toEqual([0, 0, 0, 0, 0]);
  }
});

test('equal features of one class and of two: the gradient is finite', async () => {
  const { loss, active, dx } = await run(line([1, 1, 1], [0, 0, 1]));
  expect(loss).toBeCloseTo(0.1, 6);
  expect(active).toBe(1);
  expect(dx).toBeAllClose([0, 0, 0]);
});

// classes 0 and 1 are siblings, 2 is not; m_1 = 0.5, m_2 = 0.2
// r = 0, p+ = 0.1, p- = 0.5, n = -0.6
test('the quadruplet chain, by hand', async () => {
  const chain = { levels: [[0, 0, 1]], margins: [0.5, 0.2] };
  const { loss } = await run(line([0, 0.1, 0.5, -0.6], [0, 0, 1, 2], chain));
  // classes: (r,p+) 0.01: p- at 0.25 with 0.3 violates by 0.06; n at 0.36 with 0.5 by 0.15
  //          (p+,r) 0.01: p- at 0.16 by 0.15; n at 0.49 with 0.5 by 0.02
  // genus:   (r,p-) 0.25: n at 0.36 by 0.09;   (p+,p-) 0.16: n at 0.49: none
  //          (p-,r) 0.25 and (p-,p+) 0.16: n at 1.21: none
  expect(loss).toBeCloseTo((0.15 + 0.15) / 4 + 0.09 / 8, 6);
});

test('a class without siblings is held apart from the others, with the whole margin', async () => {
  const chain = { levels: [[0, 1]], margins: [0.5, 0.2] };
  const alone = await run(line([0, 0.1, 0.6], [0, 0, 1], chain));
  const flat = await run(line([0, 0.1, 0.6], [0, 0, 1], { margins: [0.5] }));
  expect(alone.loss).toBeCloseTo(flat.loss, 6);
  expect(flat.loss).toBeGreaterThan(0);
});

// A = {a, b}, B = {b, c}: 1 - 1/3
test('shared attributes shrink the margin; equal ones leave none', async () => {
  const at = (attributes: boolean[][]) => run(line([0, 0.3, 0.5], [0, 0, 1], { attributes }));
  const third = await at([
    [true, true, false],
    [false, true, true],
  ]);
  const m = (0.2 * 2) / 3;
  // (r,p) 0.09 against 0.25: beyond 0.133; (p,r) 0.09 against 0.04
  expect(third.loss).toBeCloseTo((0.05 + m) / 4, 6);
  const same = await at([
    [true, false],
    [true, false],
  ]);
  expect(same.loss).toBeCloseTo(0.05 / 4, 6);
  const none = await at([[false], [false]]);
  expect(none.loss).toBeCloseTo((0.04 + 0.25) / 4, 6);
});

test('a class without pairs has negatives to give, no positives', async () => {
  const labels = [0, 0, 1, 1];
  const views = await run(line([0, 0.3, 0.5, 0.5], labels, { pairs: [true, false] }));
  const one = await run(line([0, 0.3, 0.5], [0, 0, 1]));
  expect(views.loss).toBeCloseTo(one.loss, 6);
});

/** Clusters that overlap, so that all kinds of triplets come up. */
function randomProblem(seed: number): TripletProblem {
  const r = randomStream(seed, 'triplets');
  const levels = [
    [],
    [[0, 0, 1, 1, 2]],
    [
      [0, 0, 1, 1, 2],
      [0, 0, 0, 0, 1],
    ],
  ][seed % 3];
  const labels = Array.from({ length: 12 }, () => r.integer(5));
  const features = labels.map((label) => [label * 0.15 + r.uniform(), r.uniform(), r.uniform()]);
  const attributes = Array.from({ length: 5 }, () =>
    Array.from({ length: 6 }, () => r.chance(0.5)),
  );
  return {
    features,
    labels,
    levels,
    margins: [0.5, 0.3, 0.2].slice(2 - levels.length),
    ...(seed % 2 === 0 ? { attributes } : {}),
    ...(seed % 5 === 0 ? { pairs: [true, false, true, true, true] } : {}),
  };
}

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  'loss, gradient and active share are those of the loops, seed %i',
  async (seed) => {
    const problem = randomProblem(seed);
    const expected = tripletsByHand(problem);
    const { loss, active, dx } = await run(problem);
    expect([loss, active]).toBeAllClose([expected.loss, expected.active]);
    expect(dx).toBeAllClose(expected.gradient.flat(), { rtol: 1e-4, atol: 1e-6 });
  },
);
