// The images of a run: cut into a fold where one is asked for, and checked before they are used.

import { fail } from '../core/errors.ts';
import type { Dataset, Example } from '../core/example.ts';
import { nearNames, plainName } from '../core/near-names.ts';
import { type ClassProblem, checkClasses, checkImages, raiseProblems } from '../data/check.ts';
import { isGenericName } from '../data/datasets/split-names.ts';
import { type FoldChoice, foldDataset, foldInWords } from '../data/folds.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import type { Emit } from './events.ts';

/** SHA-256 of each image's bytes, by example id. */
export type ImageHashes = ReadonlyMap<string, string>;

/** The dataset with the splits of a fold. All images are read: equal ones never straddle folds. */
export async function cutFold(
  opened: Dataset,
  fold: FoldChoice,
  emit: Emit,
  signal: AbortSignal,
): Promise<{ dataset: Dataset; hashes: ImageHashes }> {
  const hashes = await hashImages(opened.examples, emit, signal);
  const dataset = foldDataset(opened, fold, hashes);
  const own = testImages(opened);
  const among = own > 0 ? `, the ${own} of the dataset's own test split among them` : '';
  emit.note(
    `${foldInWords(fold)}: of all ${dataset.examples.length} images${among}, ` +
      `${testImages(dataset)} are held back`,
  );
  return { dataset, hashes };
}

function testImages({ examples }: Dataset): number {
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

/** A network of one class always gives the same answer: nobody gets one unasked. */
export function mustHaveTwoClasses({ root, classes }: Dataset, oneClass = false): void {
  if (classes.length > 1 || oneClass) return;
  const [name] = classes;
  const doubt = isGenericName(name) ? ', whose name is hardly that of a class' : '';
  throw fail('FM_DATASET', root, {
    expected: 'at least two classes',
    got: `one, '${name}'${doubt}`,
    next:
      'Give a folder with one folder for each class, or list the images with their labels in ' +
      'labels.csv. To train on one class all the same, say oneClass=true (--one-class).',
  });
}

/** Where a class without training images has its own. */
function elsewhere({ classes, examples }: Dataset, className: string): string {
  const label = classes.indexOf(className);
  const splits = new Set(examples.flatMap((one) => (one.label === label ? [one.split] : [])));
  return splits.size === 0 ? '' : ` (in ${[...splits].sort().join(' and ')} alone)`;
}

/** Names that are nearly those of other classes are slips of the pen. */
function nextForClasses({ classes }: Dataset, broken: readonly ClassProblem[]): string {
  const names = broken.map(({ className }) => className);
  const trained = classes.filter((name) => !names.includes(name));
  const [near] = names.flatMap((name) => {
    const [other] = nearNames(name, trained, 1);
    return other === undefined || plainName(other) !== plainName(name) ? [] : [{ name, other }];
  });
  const slip = near && `If '${near.name}' is '${near.other}', give both the same name. `;
  return `${slip ?? ''}Add images to these classes or remove the classes.`;
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
        .map(({ className }) => `${className}${elsewhere(dataset, className)}`)
        .join(', ')}`,
      next: nextForClasses(dataset, broken),
    });
  }
  for (const { className, reason } of classes) emit.note(`class '${className}' has ${reason}`);
}
