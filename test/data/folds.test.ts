// Folds as a view of a dataset: every image is held back once, whatever the official splits say.

import { expect, test } from 'vitest';
import type { Dataset, Example, Split } from '../../src/core/example.ts';
import { foldDataset } from '../../src/data/folds.ts';

function example(id: string, label: number, split: Split, more: Partial<Example> = {}): Example {
  return { id, path: `/${id}`, label, split, ...more };
}

const splits: Split[] = ['train', 'val', 'test'];
const dataset: Dataset = {
  name: 'd',
  format: 'folder',
  root: '/',
  classes: ['a', 'b'],
  examples: Array.from({ length: 30 }, (_, i) => example(`i${i}`, i % 2, splits[i % 3])),
  supervision: ['labels'],
};
const held = (of: Dataset) =>
  of.examples.filter(({ split }) => split === 'test').map(({ id }) => id);

test('each image of any split is held back by exactly one fold, and trains in the others', () => {
  const folds = [1, 2, 3].map((index) => foldDataset(dataset, { count: 3, index, seed: 4 }));
  expect(folds.flatMap(held).sort()).toEqual(dataset.examples.map(({ id }) => id).sort());
  for (const fold of folds) {
    expect(held(fold)).toHaveLength(10);
    expect(fold.examples.filter(({ split }) => split === 'train')).toHaveLength(20);
    const labels = fold.examples.filter(({ split }) => split === 'test').map(({ label }) => label);
    expect(labels.filter((label) => label === 0)).toHaveLength(5);
  }
  const other = foldDataset(dataset, { count: 3, index: 1, seed: 5 });
  expect(held(other)).not.toEqual(held(folds[0]));
});

test('images of the same bytes stay together', () => {
  const hashes = new Map(dataset.examples.map(({ id }, i) => [id, `h${Math.floor(i / 6)}`]));
  for (const index of [1, 2]) {
    const fold = foldDataset(dataset, { count: 2, index, seed: 0 }, hashes);
    const sides = new Map<string, Set<Split>>();
    for (const { id, split } of fold.examples) {
      const hash = hashes.get(id)!;
      sides.set(hash, (sides.get(hash) ?? new Set()).add(split));
    }
    for (const splitsOfHash of sides.values()) expect(splitsOfHash.size).toBe(1);
  }
});

test('supervises with what the images that now train have', () => {
  const box = [0, 0, 1, 1] as const;
  const examples = dataset.examples.map((one) => (one.split === 'test' ? one : { ...one, box }));
  const partly = { ...dataset, examples, supervision: ['labels', 'box'] as const };
  expect(foldDataset(partly, { count: 3, index: 1, seed: 0 }).supervision).toEqual(['labels']);
});

test('a fold without images is refused', () => {
  const few = { ...dataset, examples: dataset.examples.slice(0, 2) };
  expect(() => foldDataset(few, { count: 3, index: 3, seed: 0 })).toThrow(
    /fold.count: expected fewer folds for the 2 images of d, got 3, of which number 3 has no image/,
  );
});
