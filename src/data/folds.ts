// Cuts as views of a dataset: the images of one fold are its test split and all others train, or a share
// of the training images is. Everything behind it works as it does with an official split.

import { createHash } from 'node:crypto';
import { fail } from '../core/errors.ts';
import type { Dataset } from '../core/example.ts';
import { supervisionOf } from './datasets/loader.ts';
import { type GroupOf, holdOut, stratifiedFolds } from './splits.ts';

/** One of the folds that a seed cuts a dataset into. */
export interface FoldChoice {
  /** How many folds there are, at least 2. */
  readonly count: number;
  /** Which one is held back, from 1 to `count`. */
  readonly index: number;
  /** Keys the cut; runs that are compared share it, whatever their own seeds. */
  readonly seed: number;
}

/** A part of the training images that is kept back to test on, where a dataset has no test split. */
export interface HoldOutChoice {
  /** Share of every class, above 0 and below 1. */
  readonly share: number;
  /** Keys the cut; runs that are compared share it, whatever their own seeds. */
  readonly seed: number;
}

/** How a run cuts its dataset itself. */
export interface Cut {
  readonly fold?: FoldChoice;
  readonly holdOut?: HoldOutChoice;
}

/** A run's cut, if it has one. */
export function cutOf({ fold, holdOut }: Cut): Cut | undefined {
  return fold === undefined && holdOut === undefined ? undefined : { fold, holdOut };
}

/** The dataset with the splits of a cut. */
export function cutDataset(dataset: Dataset, { fold, holdOut }: Cut, groupOf?: GroupOf): Dataset {
  if (fold !== undefined) return foldDataset(dataset, fold, groupOf);
  return holdOut === undefined ? dataset : holdOutTest(dataset, holdOut, groupOf);
}

/**
 * The dataset with a share of each class's training images as `test`: at least one, and none of classes
 * with fewer than four. Throws FM_CONFIG where it has a test split, or nothing to spare.
 */
export function holdOutTest(
  dataset: Dataset,
  { share, seed }: HoldOutChoice,
  groupOf?: GroupOf,
): Dataset {
  const count = (split: string) => dataset.examples.filter((e) => e.split === split).length;
  if (count('test') > 0) {
    throw fail('FM_CONFIG', 'holdOut', {
      expected: 'a dataset without a test split',
      got: `one with ${count('test')} test images`,
      next: 'Leave --hold-out out: these are what to test on.',
    });
  }
  const train = dataset.examples.filter(({ split }) => split === 'train');
  const { held } = holdOut(train, { share, seed, groupOf });
  if (held.length === 0) {
    throw fail('FM_CONFIG', 'holdOut', {
      expected: 'classes with four or more images, of which one can be spared',
      got: 'none',
      next: 'Leave --hold-out out, or add images.',
    });
  }
  const ids = new Set(held.map(({ id }) => id));
  const examples = dataset.examples.map((example) =>
    ids.has(example.id) ? { ...example, split: 'test' as const } : example,
  );
  return { ...dataset, examples, supervision: supervisionOf(examples, dataset.hierarchy) };
}

/**
 * The dataset with all of its images, those of its official splits too, as `test` where the fold
 * has them and as `train` elsewhere. Throws FM_CONFIG when the fold would have no image.
 */
export function foldDataset(dataset: Dataset, fold: FoldChoice, groupOf?: GroupOf): Dataset {
  const folds = stratifiedFolds(dataset.examples, fold.count, fold.seed, groupOf);
  const held = new Set(folds[fold.index - 1].map(({ id }) => id));
  if (held.size === 0) {
    throw fail('FM_CONFIG', 'fold.count', {
      expected: `fewer folds for the ${dataset.examples.length} images of ${dataset.name}`,
      got: `${fold.count}, of which number ${fold.index} has no image`,
      next: 'Use fewer folds, or add images.',
    });
  }
  const examples = dataset.examples.map((example) => ({
    ...example,
    split: held.has(example.id) ? ('test' as const) : ('train' as const),
  }));
  return { ...dataset, examples, supervision: supervisionOf(examples, dataset.hierarchy) };
}

/** SHA-256 of the ids that a fold holds back, whatever their order; a run keeps it (`mustHoldBack`). */
export function heldBackHash({ examples }: Dataset): string {
  const ids = examples.flatMap(({ id, split }) => (split === 'test' ? [id] : []));
  return createHash('sha256').update(JSON.stringify(ids.sort())).digest('hex');
}

/**
 * Throws FM_RUN where a fold that is cut from today's images holds back others than it did when a
 * run was trained: what it holds back now, the run has mostly seen. Runs from before they kept
 * `expected` pass.
 */
export function mustHoldBack(dataset: Dataset, expected: string | undefined): void {
  if (expected === undefined || heldBackHash(dataset) === expected) return;
  throw fail('FM_RUN', dataset.root, {
    expected: 'the images that were held back when the run was trained',
    got: 'others: images were added, removed or changed since, and the cut with them',
    next: 'Put the images back as they were, or train the run again.',
  });
}

/** `fold 2 of 5` */
export function foldInWords({ count, index }: FoldChoice): string {
  return `fold ${index} of ${count}`;
}
