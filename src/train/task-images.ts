// The images of a run: cut into a fold where one is asked for, and checked before they are used.

import { fail } from '../core/errors.ts';
import type { Dataset, Example } from '../core/example.ts';
import { checkClasses, checkImages, raiseProblems } from '../data/check.ts';
import { type Cut, cutDataset, foldInWords } from '../data/folds.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import type { Emit } from './events.ts';

/** SHA-256 of each image's bytes, by example id. */
export type ImageHashes = ReadonlyMap<string, string>;

/** The dataset with the splits of a cut. All images are read: equal ones never straddle it. */
export async function cutImages(
  opened: Dataset,
  cut: Cut,
  emit: Emit,
  signal: AbortSignal,
): Promise<{ dataset: Dataset; hashes: ImageHashes }> {
  const hashes = await hashImages(opened.examples, emit, signal);
  const dataset = cutDataset(opened, cut, hashes);
  const held = testImages(dataset);
  if (cut.fold === undefined) {
    emit.note(`${held} of ${dataset.examples.length} images are held out to test on`);
    return { dataset, hashes };
  }
  const own = testImages(opened);
  const among = own > 0 ? `, the ${own} of the dataset's own test split among them` : '';
  emit.note(
    `${foldInWords(cut.fold)}: of all ${dataset.examples.length} images${among}, ` +
      `${held} are held back`,
  );
  return { dataset, hashes };
}

/** How many images a dataset has to test on. */
export function testImages({ examples }: Dataset): number {
  return examples.filter(({ split }) => split === 'test').length;
}

/** Reads the images that the run may see: of the test split not even the files are opened. */
export async function readImages(
  dataset: Dataset,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageHashes> {
  const examples = dataset.examples.filter(({ split }) => split !== 'test');
  return await hashImages(examples, emit, signal);
}

async function hashImages(examples: readonly Example[], emit: Emit, signal: AbortSignal) {
  const checked = await checkImages(examples, {
    cacheFolder: cacheFolder('images'),
    signal,
    onProgress: (done, total) => emit.progress({ task: 'checking images', done, total }),
  });
  raiseProblems(checked.problems);
  return checked.hashes;
}

/** How many training images each class has. */
export function trainingImages({ classes, examples }: Dataset): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (const { label, split } of examples) if (split === 'train') counts[label]++;
  return counts;
}

/** Tells of classes with few training images; a class without any is an error. */
export function reportClasses(dataset: Dataset, emit: Emit): void {
  const classes = checkClasses(dataset);
  const broken = classes.filter(({ level }) => level === 'error');
  if (broken.length > 0) {
    throw fail('FM_DATASET', dataset.root, {
      expected: 'training images for every class',
      got: `${broken.length} without: ${broken
        .slice(0, 5)
        .map((c) => c.className)
        .join(', ')}`,
      next: 'Add images to these classes or remove the classes.',
    });
  }
  for (const { className, reason } of classes) emit.note(`class '${className}' has ${reason}`);
}
