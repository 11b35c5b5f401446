// What a dataset was understood as, short enough for one line of a test.

import { type OpenDatasetOptions, openDataset } from '../../src/data/datasets/table.ts';

/** Empty files by name: loaders do not look into images. */
export function emptyFiles(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '']));
}

/** `train/cats 10` for each split and class with images, sorted, and the notes. */
export async function understood(root: string, options: OpenDatasetOptions = {}) {
  const { classes, examples, notes = [], format } = await openDataset(root, options);
  const counts = new Map<string, number>();
  for (const { split, label } of examples) {
    const key = `${split}/${classes[label]}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return {
    format,
    counts: [...counts].map(([key, n]) => `${key} ${n}`).sort(),
    notes: notes.join('\n'),
  };
}
