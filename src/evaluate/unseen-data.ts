// Photographs that come without splits and that the model has never met: all of them are there to score.

import type { Dataset, Split } from '../core/example.ts';
import { openDataset } from '../data/datasets/table.ts';
import { countSeen, type SeenImages } from '../data/seen-images.ts';
import { hashFile } from '../formats/hash-file.ts';
import { mostlyUnseen } from './seen-words.ts';

export interface AskedData {
  readonly data: string;
  readonly format?: string;
  readonly split?: Split;
}

/**
 * The dataset with all of its images as `test`, where it has no splits and the model has seen next to none
 * of them: what a run cut from its own photographs says nothing of others. Undefined where that is not so,
 * or where another split is asked for.
 */
export async function openUnseen(
  { data, format, split = 'test' }: AskedData,
  seen: SeenImages | undefined,
  classes: readonly string[],
): Promise<Dataset | undefined> {
  if (seen === undefined || split !== 'test') return undefined;
  const known = new Set(classes.map((name) => name.normalize()));
  const dataset = await openDataset(data, { format, known });
  if (dataset.examples.some((example) => example.split !== 'train')) return undefined;
  const hashes: string[] = [];
  // one that cannot be read is told of when it is decoded
  for (const { path } of dataset.examples) hashes.push(await hashFile(path).catch(() => ''));
  if (!mostlyUnseen(countSeen(hashes, seen))) return undefined;
  const examples = dataset.examples.map((example) => ({ ...example, split: 'test' as const }));
  const note =
    `${dataset.name} has no splits, and its photographs had no part in training: ` +
    'all of them are scored';
  return { ...dataset, examples, notes: [...(dataset.notes ?? []), note] };
}
