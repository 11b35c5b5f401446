// The images of a run: cut into a fold where one is asked for, and checked before they are used.

import { fail } from '../core/errors.ts';
import type { Dataset, Example } from '../core/example.ts';
import { nearNames, plainName } from '../core/near-names.ts';
import { leftOutInWords, raiseProblems, tellLeftOut, withoutBad } from '../data/bad-images.ts';
import { type ClassProblem, checkClasses, checkImages } from '../data/check.ts';
import { firstNames } from '../data/datasets/left-out.ts';
import { isGenericName } from '../data/datasets/split-names.ts';
import { type Cut, cutDataset, cutOf, foldInWords } from '../data/folds.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { maxPixelsOf, type RunConfig } from './config.ts';
import type { Emit } from './events.ts';

/** SHA-256 of each image's bytes, by example id. */
export type ImageHashes = ReadonlyMap<string, string>;

/** What a run says about its images. */
export type ImageSettings = Pick<RunConfig, 'fold' | 'holdOut' | 'skipBad' | 'maxMegapixels'>;

/**
 * With `skipBad`, the dataset without the images that the run may see and cannot use; else as it is.
 * To be called before anything is counted or cut.
 */
export async function leaveBadOut(
  opened: Dataset,
  settings: ImageSettings,
  emit: Emit,
  signal: AbortSignal,
): Promise<Dataset> {
  if (!settings.skipBad) return opened;
  const whole = cutOf(settings) !== undefined;
  const seen = opened.examples.filter(({ split }) => whole || split !== 'test');
  const { problems } = await check(seen, settings, emit, signal);
  if (problems.length > 0) emit.note(leftOutInWords(await tellLeftOut(problems)));
  return withoutBad(opened, problems);
}

/** The dataset with the splits of a cut. All images are read: equal ones never straddle it. */
export async function cutImages(
  opened: Dataset,
  { cut, ...settings }: ImageSettings & { readonly cut: Cut },
  emit: Emit,
  signal: AbortSignal,
): Promise<{ dataset: Dataset; hashes: ImageHashes }> {
  const hashes = await hashImages(opened.examples, settings, emit, signal);
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
  settings: ImageSettings,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageHashes> {
  const examples = dataset.examples.filter(({ split }) => split !== 'test');
  return await hashImages(examples, settings, emit, signal);
}

async function hashImages(
  examples: readonly Example[],
  settings: ImageSettings,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageHashes> {
  const { hashes, problems } = await check(examples, settings, emit, signal);
  await raiseProblems(problems);
  return hashes;
}

async function check(
  examples: readonly Example[],
  settings: ImageSettings,
  emit: Emit,
  signal: AbortSignal,
) {
  return await checkImages(examples, {
    cacheFolder: cacheFolder('images'),
    maxPixels: maxPixelsOf(settings),
    signal,
    onProgress: (done, total) => emit.progress({ task: 'checking images', done, total }),
  });
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

/** Tells of classes of which no validation image is there: its accuracy says nothing of them. */
export function reportUnvalidated({ classes }: Dataset, val: readonly Example[], emit: Emit): void {
  const present = new Set(val.map(({ label }) => label));
  const absent = classes.filter((_, label) => !present.has(label));
  if (val.length === 0 || absent.length === 0) return;
  emit.note(
    `no validation image of ${absent.length} of ${classes.length} classes (${firstNames(absent)}): ` +
      'validation accuracy says nothing of them',
  );
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
