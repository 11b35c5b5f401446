import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dataset, Example, Split } from '../../src/core/example.ts';
import { chooseSplits, holdOut, stratifiedFolds } from '../../src/data/splits.ts';

/** `counts[c]` examples of class c. */
function examplesOf(counts: readonly number[], split: Split = 'train'): Example[] {
  return counts.flatMap((n, label) =>
    Array.from({ length: n }, (_, i) => ({ id: `${split}${label}/${i}`, path: '', label, split })),
  );
}

function datasetOf(examples: Example[], classes: number): Dataset {
  const names = Array.from({ length: classes }, (_, i) => `c${i}`);
  return {
    name: 'd',
    format: 'folder',
    root: '',
    classes: names,
    examples,
    supervision: ['labels'],
  };
}

function countsOf(examples: readonly Example[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of examples) counts[label]++;
  return counts;
}

const ids = (examples: readonly Example[]) => examples.map((example) => example.id);

describe('chooseSplits', () => {
  test('the official validation split is used as it is', () => {
    const examples = [
      ...examplesOf([5, 5]),
      ...examplesOf([1, 0], 'val'),
      ...examplesOf([2], 'test'),
    ];
    const splits = chooseSplits(datasetOf(examples, 2), 1);
    expect(splits.valSource).toBe('official');
    expect([splits.train.length, splits.val.length, splits.test.length]).toEqual([10, 1, 2]);
  });

  test('otherwise a tenth of each class, one at least, none below four', () => {
    const splits = chooseSplits(datasetOf(examplesOf([30, 14, 4, 3, 1]), 5), 1);
    expect(splits.valSource).toBe('held-out');
    expect(countsOf(splits.val, 5)).toEqual([3, 1, 1, 0, 0]);
    expect(splits.train.length + splits.val.length).toBe(52);
    expect(chooseSplits(datasetOf(examplesOf([3, 2]), 2), 1).valSource).toBe('none');
  });

  test('the seed decides, not the order; another image leaves the others in place', () => {
    const examples = examplesOf([40, 40]);
    const held = (from: Example[], seed: number) => ids(holdOut(from, { share: 0.1, seed }).held);
    expect(held(examples, 1)).toEqual(held(examples, 1));
    expect(held(examples, 1)).not.toEqual(held(examples, 2));
    expect(held(examples.toReversed(), 1).toSorted()).toEqual(held(examples, 1).toSorted());
    const more = held([...examples, { ...examples[0], id: 'new' }], 1);
    expect(held(examples, 1).filter((id) => !more.includes(id)).length).toBeLessThanOrEqual(1);
  });
});

describe('groups never straddle', () => {
  const scenario = fc.record({
    seed: fc.nat(),
    counts: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
    groups: fc.integer({ min: 1, max: 30 }),
    hashes: fc.integer({ min: 1, max: 60 }),
  });

  /** Two groupings at once: of the dataset for every other image, and by content. */
  function grouped({
    counts,
    groups,
    hashes,
  }: {
    counts: number[];
    groups: number;
    hashes: number;
  }) {
    const examples = examplesOf(counts).map((example, i) =>
      i % 2 === 0 ? { ...example, group: `${(i * 7) % groups}` } : example,
    );
    const groupOf = new Map(examples.map((example, i) => [example.id, `${(i * 11) % hashes}`]));
    return { examples, groupOf };
  }

  function expectApart(sides: Example[][], groupOf: Map<string, string>): void {
    const sideOf = new Map<string, number>();
    sides.forEach((side, s) => {
      for (const { id, group } of side) {
        for (const key of [group && `g${group}`, `h${groupOf.get(id)}`]) {
          if (key) expect(sideOf.get(key) ?? s).toBe(s);
          if (key) sideOf.set(key, s);
        }
      }
    });
  }

  test('between train and validation', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { examples, groupOf } = grouped(given);
        const { train, val } = chooseSplits(datasetOf(examples, 5), given.seed, groupOf);
        expect(train.length + val.length).toBe(examples.length);
        expectApart([train, val], groupOf);
        const [all, held] = [countsOf(examples, 5), countsOf(val, 5)];
        held.forEach((n, c) => {
          expect(n).toBeLessThanOrEqual(all[c] / 2);
          if (all[c] < 4) expect(n).toBe(0);
        });
      }),
    );
  });

  test('between folds, which together are everything', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { examples, groupOf } = grouped(given);
        const folds = stratifiedFolds(examples, 3, given.seed, groupOf);
        expect(ids(folds.flat()).toSorted()).toEqual(ids(examples).toSorted());
        expectApart(folds, groupOf);
      }),
    );
  });
});

test('folds are stratified to one image', () => {
  const examples = examplesOf([54, 7, 23, 3]);
  for (const fold of stratifiedFolds(examples, 5, 3)) {
    countsOf(fold, 4).forEach((n, c) => {
      const ideal = [54, 7, 23, 3][c] / 5;
      expect(Math.abs(n - ideal)).toBeLessThan(1);
    });
    expect(Math.abs(fold.length - 87 / 5)).toBeLessThan(1);
  }
  expect(() => stratifiedFolds(examples, 1, 0)).toThrow(RangeError);
});
