// Batches of a few images of each of several classes, for losses that compare images with one another.

import { z } from 'zod';
import { divisorsOf } from '../../core/divisors.ts';
import { fail } from '../../core/errors.ts';
import { randomStream } from '../../core/random.ts';
import type { PlannedImage, Sampler, SamplerTask } from '../../core/sampler.ts';

/**
 * Each batch has `samples` images of each of `batch / samples` classes. With `siblings` above 1, its
 * default, so many of the classes share a parent where the parent has them.
 */
export interface BalancedSampler {
  readonly kind: 'balanced';
  readonly samples: number;
  readonly siblings?: number;
  readonly [option: string]: unknown;
}

export const balanced: Sampler<BalancedSampler> = {
  kind: 'balanced',
  about:
    'as many images of each of several classes in a batch, classes of one parent together if asked',
  options: z.strictObject({
    kind: z.literal('balanced'),
    samples: z.number().int().min(2).default(4),
    siblings: z.number().int().positive().optional(),
  }),
  unit: ({ samples }) => samples,
  // always full, with further views where there are too few images
  batchSize: (_, { batch }) => batch,
  fit,
  check,
  plan: ({ samples, siblings }, { labels, hierarchy }, { batch, seed, epoch }) =>
    planBalancedEpoch(
      labels,
      { batch, samples, siblings, parents: hierarchy?.at(-1)?.ofClass },
      seed,
      epoch,
    ),
};

/** The fewest images a class that fill the passes, of no more classes than before. As it is where none do. */
function fit(
  options: BalancedSampler,
  before: { readonly batch: number },
  { batch, accumulate }: { readonly batch: number; readonly accumulate: number },
): BalancedSampler {
  if (batch % accumulate !== 0) return options;
  const classes = before.batch / options.samples;
  const fitting = divisorsOf(batch / accumulate).find((n) => n > 1 && batch / n <= classes);
  return fitting === undefined ? options : { ...options, samples: fitting };
}

function check(
  { samples, siblings = 1 }: BalancedSampler,
  { where, source, batch, classes, hierarchy }: SamplerTask,
): void {
  if (source === 'features') {
    throw fail('FM_CONFIG', `${where}.sampler.kind`, {
      expected: "'shuffled' in a stage on cached features",
      got: "'balanced'",
      next: 'Use it in a stage on images.',
    });
  }
  if (batch / samples > classes) {
    throw fail('FM_CONFIG', `${where}.batch`, {
      expected: `at most ${classes * samples} images, ${samples} of each of ${classes} classes`,
      got: String(batch),
      next: `Lower it, or raise ${where}.sampler.samples.`,
    });
  }
  if (siblings > 1 && hierarchy === undefined) {
    throw fail('FM_SUPERVISION', `${where}.sampler.siblings`, {
      expected: 'a dataset whose classes have parents',
      got: 'flat labels',
      next: 'Leave siblings out, or give the dataset a hierarchy (docs/datasets.md).',
    });
  }
}

export interface BalancedOptions {
  readonly batch: number;
  /** Images of each class in a batch; divides `batch`. */
  readonly samples: number;
  /** For each class its parent, where siblings are to be in one batch. */
  readonly parents?: readonly number[];
  /** With `parents`: so many classes of one parent, where it has them. Default: 1. */
  readonly siblings?: number;
}

/**
 * Batches of `batch / samples` classes with `samples` images each. Every image is in some group of
 * its class, and classes with more images have more groups; a group that is not full is filled with
 * further views of images of the class. Each epoch has as many batches as the images would fill.
 * With `siblings`, classes of one parent come one after another.
 */
export function planBalancedEpoch(
  labels: readonly number[],
  options: BalancedOptions,
  seed: number,
  epoch: number,
): PlannedImage[][] {
  const { batch, samples } = options;
  const stream = randomStream(seed, 'balanced', epoch);
  const ofLabel = new Map<number, number[]>();
  for (const index of stream.permutation(labels.length)) {
    const images = ofLabel.get(labels[index]);
    if (images) images.push(index);
    else ofLabel.set(labels[index], [index]);
  }
  const count = Math.max(1, Math.floor(labels.length / batch));
  const taken = new Map<number, number>();
  const group = (label: number): PlannedImage[] => {
    const images = ofLabel.get(label)!;
    const first = taken.get(label) ?? 0;
    taken.set(label, first + samples);
    return Array.from({ length: samples }, (_, i) => ({
      index: images[(first + i) % images.length],
      draw: Math.floor((first + i) / images.length),
    }));
  };
  return Array.from({ length: count }, (_, b) => {
    const turn = new Map(
      stream
        .child(b)
        .permutation(ofLabel.size)
        .map((rank, i) => [[...ofLabel.keys()][i], rank]),
    );
    // those that have shown the smallest share of their images come first; chance decides ties
    const share = (label: number) => (taken.get(label) ?? 0) / ofLabel.get(label)!.length;
    const order = [...ofLabel.keys()].sort(
      (x, y) => share(x) - share(y) || turn.get(x)! - turn.get(y)!,
    );
    return withSiblings(order, options)
      .slice(0, batch / samples)
      .flatMap(group);
  });
}

/** Draws each class's next siblings up to it, as many as are to be together. */
function withSiblings(
  order: readonly number[],
  { parents, siblings = 1 }: BalancedOptions,
): readonly number[] {
  if (parents === undefined || siblings === 1) return order;
  const ofParent = new Map<number, number[]>();
  for (const label of order) {
    const others = ofParent.get(parents[label]);
    if (others) others.push(label);
    else ofParent.set(parents[label], [label]);
  }
  const placed = new Set<number>();
  return order.flatMap((label) => {
    if (placed.has(label)) return [];
    const together = ofParent.get(parents[label])!.splice(0, siblings);
    for (const one of together) placed.add(one);
    return together;
  });
}
