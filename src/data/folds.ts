// Cross-validation as a view of a dataset: the images of one fold are its test split, and all
// others train. Everything behind it works as it does with an official split.

import { createHash } from 'node:crypto';
import { fail } from '../core/errors.ts';
import type { Dataset } from '../core/example.ts';
import { supervisionOf } from './datasets/loader.ts';
import { type GroupOf, stratifiedFolds } from './splits.ts';

/** One of the folds that a seed cuts a dataset into. */
export interface FoldChoice {
  /** How many folds there are, at least 2. */
  readonly count: number;
  /** Which one is held back, from 1 to `count`. */
  readonly index: number;
  /** Keys the cut; runs that are compared share it, whatever their own seeds. */
  readonly seed: number;
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
    expected: 'the images that the fold held back when the run was trained',
    got: 'others: images were added, removed or changed since, and the cut with them',
    next: 'Put the images back as they were, or train the run again.',
  });
}

/** `fold 2 of 5` */
export function foldInWords({ count, index }: FoldChoice): string {
  return `fold ${index} of ${count}`;
}
