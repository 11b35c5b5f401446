// Which of a dataset's photographs a split stands for, and how many of them a model has seen.

import { fail } from '../core/errors.ts';
import type { Dataset, Example, Split } from '../core/example.ts';
import { checkImages } from '../data/check.ts';
import { countSeen, type SeenCount } from '../data/seen-images.ts';
import { chooseSplits } from '../data/splits.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { hashFile } from '../formats/hash-file.ts';
import type { Manifest } from '../recognise/manifest.ts';
import { mostlyTrained } from './seen-words.ts';

const SPLITS: readonly Split[] = ['test', 'val', 'train'];

/** The split's photographs. Throws FM_DATASET where it has none, with the splits that could be scored. */
export async function imagesToScore(
  dataset: Dataset,
  split: Split,
  manifest: Manifest,
): Promise<readonly Example[]> {
  const images = await imagesOf(dataset, split, manifest);
  if (images.length > 0) return images;
  const counts = SPLITS.toReversed().map((name) => `${name} ${official(dataset, name).length}`);
  throw fail('FM_DATASET', dataset.root, {
    expected: `images in the split '${split}'`,
    got: `none (${counts.join(', ')})`,
    next: await waysOut(dataset, split, manifest),
  });
}

/** Official ones, or for `val` those that training held out: duplicates must be known for these. */
async function imagesOf(
  dataset: Dataset,
  split: Split,
  { trained }: Manifest,
): Promise<readonly Example[]> {
  const images = official(dataset, split);
  if (images.length > 0 || split !== 'val') return images;
  const { hashes } = await checkImages(dataset.examples, { cacheFolder: cacheFolder('images') });
  return chooseSplits(dataset, trained.seed, hashes).val;
}

function official({ examples }: Dataset, split: Split): readonly Example[] {
  return examples.filter((example) => example.split === split);
}

async function waysOut(dataset: Dataset, split: Split, manifest: Manifest): Promise<string> {
  for (const other of SPLITS.filter((name) => name !== split)) {
    const images = await imagesOf(dataset, other, manifest);
    const seen = await countSeenOf(images, manifest);
    if (images.length > 0 && !(seen !== null && mostlyTrained(seen))) {
      return `Score the split '${other}' (--split ${other}).`;
    }
  }
  return (
    'Say which other photographs are to be scored (--data), or train again with some of these kept ' +
    'back (--hold-out 0.2, which needs four of a class).'
  );
}

/** How many of the photographs the model has seen; null for models that do not remember any. */
export async function countSeenOf(
  examples: readonly Example[],
  { trained }: Pick<Manifest, 'trained'>,
): Promise<SeenCount | null> {
  if (trained.seen === undefined) return null;
  const hashes: string[] = [];
  // one that cannot be read is told of when it is decoded
  for (const { path } of examples) hashes.push(await hashFile(path).catch(() => ''));
  return countSeen(hashes, trained.seen);
}
