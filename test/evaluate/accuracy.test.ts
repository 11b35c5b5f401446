import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countClasses,
  levelAccuracy,
  levelMass,
  perClassMean,
  perClassRecall,
  rightAnswers,
  topKAccuracy,
} from '../../src/evaluate/accuracy.ts';
import { confidencesOf } from '../../src/evaluate/calibration.ts';
import { confusedPairs, confusionMatrix } from '../../src/evaluate/confusion.ts';
import { answersOf, checkScores, softmax, truthRanks } from '../../src/evaluate/scores.ts';
import { fitTemperature } from '../../src/evaluate/temperature.ts';

const values = Float32Array.from([3, 2, 1, 0, /**/ 0, 5, 4, 1, /**/ 1, 1, 1, 1, /**/ 9, 0, 1, 2]);
const scores = { values, labels: [0, 2, 1, 3], classes: 4 };

/** Random scores with labels; small integers so that ties occur. */
const scored = fc
  .record({ n: fc.integer({ min: 1, max: 20 }), classes: fc.integer({ min: 1, max: 7 }) })
  .chain(({ n, classes }) =>
    fc.record({
      classes: fc.constant(classes),
      values: fc
        .array(fc.integer({ min: -3, max: 3 }), { minLength: n * classes, maxLength: n * classes })
        .map((list) => Float32Array.from(list)),
      labels: fc.array(fc.nat({ max: classes - 1 }), { minLength: n, maxLength: n }),
    }),
  );

describe('top-k', () => {
  test('counts by hand, the lower index winning ties', () => {
    expect([...truthRanks(scores)]).toEqual([0, 1, 1, 1]);
    expect([...answersOf(values, 4)]).toEqual([0, 1, 0, 0]);
    expect(topKAccuracy(scores)).toBe(0.25);
    expect(topKAccuracy(scores, 2)).toBe(1);
    expect([...rightAnswers(scores)]).toEqual([1, 0, 0, 0]);
  });

  test('grows with k up to 1, and top-1 agrees with the answers', () => {
    fc.assert(
      fc.property(scored, (s) => {
        const curve = Array.from({ length: s.classes }, (_, k) => topKAccuracy(s, k + 1));
        curve.forEach((value, k) => {
          expect(value).toBeGreaterThanOrEqual(curve[k - 1] ?? 0);
        });
        expect(curve.at(-1)).toBe(1);
        const right = rightAnswers(s);
        expect(curve[0]).toBeCloseTo(right.reduce((a, b) => a + b, 0) / right.length, 12);
      }),
    );
  });
});

describe('softmax', () => {
  test('survives large logits and applies the temperature', () => {
    expect(softmax(Float32Array.from([1000, 1000 - Math.log(3)]), 2)).toBeAllClose([0.75, 0.25], {
      rtol: 1e-3,
    });
    expect(softmax(Float32Array.from([2 * Math.log(3), 0]), 2, 2)).toBeAllClose([0.75, 0.25]);
  });
});

describe('per class', () => {
  test('recall ignores absent classes in the mean', () => {
    const counts = countClasses([0, 0, 0, 0, 1], [0, 0, 0, 1, 0], 3);
    expect([...perClassRecall(counts)]).toEqual([0.75, 0, Number.NaN]);
    expect(perClassMean(counts)).toBe(0.375);
    expect([...counts.answered]).toEqual([4, 1, 0]);
  });
});

describe('confusions', () => {
  test('matrix and pairs, most frequent first', () => {
    const [labels, answers] = [
      [0, 0, 0, 1, 1, 2],
      [0, 1, 1, 0, 1, 0],
    ];
    expect([...confusionMatrix(labels, answers, 3)]).toEqual([1, 2, 0, 1, 1, 0, 1, 0, 0]);
    expect(confusedPairs(labels, answers)).toEqual([
      { truth: 0, answer: 1, count: 2, share: 2 / 3 },
      { truth: 2, answer: 0, count: 1, share: 1 },
      { truth: 1, answer: 0, count: 1, share: 0.5 },
    ]);
    expect(confusedPairs(labels, answers, 1)).toHaveLength(1);
  });

  test('pairs are the off-diagonal of the matrix', () => {
    fc.assert(
      fc.property(scored, (s) => {
        const answers = answersOf(s.values, s.classes);
        const rebuilt = new Uint32Array(s.classes ** 2);
        for (const p of confusedPairs(s.labels, answers)) {
          rebuilt[p.truth * s.classes + p.answer] = p.count;
        }
        const matrix = confusionMatrix(s.labels, answers, s.classes);
        for (let k = 0; k < s.classes; k++) matrix[k * (s.classes + 1)] = 0;
        expect(rebuilt).toEqual(matrix);
      }),
    );
  });
});

describe('levels', () => {
  const level = { name: 'genus', names: ['gull', 'tern'], ofClass: [0, 0, 1] };

  test('sums the mass of a node: two gulls at 0.3 outweigh a tern at 0.4', () => {
    const probabilities = { values: Float32Array.from([0.3, 0.3, 0.4]), labels: [1], classes: 3 };
    expect(levelMass(probabilities, level)).toBeAllClose([0.6, 0.4]);
    expect(levelAccuracy(probabilities, level)).toEqual({ top1: 1, n: 1, nodes: 2 });
  });

  test('a level with one node per class is top-1, one with a single node is 1', () => {
    fc.assert(
      fc.property(scored, (s) => {
        const p = { ...s, values: softmax(s.values, s.classes) };
        const names = Array.from({ length: s.classes }, (_, k) => `${k}`);
        const fine = { name: 'leaf', names, ofClass: names.map(Number) };
        const root = { name: 'root', names: ['all'], ofClass: names.map(() => 0) };
        expect(levelAccuracy(p, fine).top1).toBe(topKAccuracy(p));
        expect(levelAccuracy(p, root).top1).toBe(1);
      }),
    );
  });
});

describe('refusals', () => {
  test.each([
    [{ ...scores, labels: [0, 1] }, 'evaluate: expected 2 x 4 scores, got 16'],
    [{ ...scores, labels: [0, 4, 1, 2] }, 'labels from 0 to 3, got 4 for image 1'],
    [{ ...scores, values: values.map((v, i) => (i === 6 ? Number.NaN : v)) }, 'NaN for image 1'],
  ])('%#', (bad, message) => {
    expect(() => checkScores(bad, 'evaluate')).toThrow(message);
  });
});

describe('NaN', () => {
  const { NaN: nan } = Number;
  const rows = (...values: number[]) => ({ values: Float32Array.from(values), classes: 2 });

  test('is never the answer, and never right', () => {
    const scores = { ...rows(nan, nan, nan, 1, 1, nan, nan, -Infinity), labels: [0, 0, 0, 1] };
    expect([...answersOf(scores.values, 2)]).toEqual([-1, 1, 0, 1]);
    expect([...truthRanks(scores)]).toEqual([2, 2, 0, 0]);
    expect(topKAccuracy(scores)).toBe(0.5);
    expect(topKAccuracy(scores, 2)).toBe(0.5);
  });

  test('is refused by whatever is fitted to scores', () => {
    const scores = { ...rows(nan, 1, 0, 1), labels: [0, 1] };
    const refusal = /expected finite scores, got NaN for image 0/;
    expect(() => confidencesOf(scores)).toThrow(refusal);
    expect(() => fitTemperature(scores)).toThrow(refusal);
    expect(() => checkScores(scores, 'x')).toThrow(refusal);
  });
});
