// Losses: logits and targets in, one scalar out.

import { int64 } from '../core/tensor.ts';
import { add, mul, sub } from '../graph/ops/arithmetic.ts';
import { cast, equal } from '../graph/ops/compare.ts';
import { gather } from '../graph/ops/gather.ts';
import { constant } from '../graph/ops/leaf.ts';
import { reshape } from '../graph/ops/movement.ts';
import { logSoftmax } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';

/** The classes of a batch of N images, as indices: nothing here is as wide as there are classes. */
export interface ClassTargets {
  /** Class of each image, int64 [N]; any class for a row that counts nowhere. */
  readonly labels: Value;
  /** How much each image counts, [N]: 1, and 0 for rows that only fill a batch up. */
  readonly weights: Value;
  /** Of mixed images: the other class of each, int64 [N], and what the first one's share is, a scalar. */
  readonly mixed?: { readonly others: Value; readonly share: Value };
  /** What every class gets of the target, together, 0..1 (Szegedy et al. 2016, section 7). */
  readonly smoothing: number;
}

/**
 * Mean over the batch of w_i H(q_i, softmax(logits_i)) for q = (1 - e) y + e / K, where y is all on an
 * image's class, or shared between the two of a mixed image. The divisor is N, whatever the weights.
 */
export function classEntropy(logits: Value, targets: ClassTargets): Value {
  const { labels, weights, mixed, smoothing } = targets;
  const [images, classes] = logits.shape;
  const logs = logSoftmax(logits);
  const own = ofLabels(logs, labels);
  const picked =
    mixed === undefined
      ? own
      : add(mul(own, mixed.share), mul(ofLabels(logs, mixed.others), sub(1, mixed.share)));
  const smooth =
    smoothing === 0
      ? picked
      : add(mul(picked, 1 - smoothing), mul(sum(logs, [1]), smoothing / classes));
  return mul(sum(mul(smooth, weights)), -1 / images);
}

/** What each row has for its label, [N]: rows [N, K], labels int64 [N]. */
export function ofLabels(rows: Value, labels: Value): Value {
  const [images, classes] = rows.shape;
  const starts = int64(
    [images],
    Array.from({ length: images }, (_, i) => i * classes),
  );
  return gather(reshape(rows, [images * classes]), add(labels, constant(starts)));
}

/** 1 in the column of each row's label and 0 elsewhere, [N, K]: for losses that ask of every class. */
export function oneHot(labels: Value, classes: number): Value {
  const columns = constant(int64([1, classes], [...Array(classes).keys()]));
  return cast(equal(reshape(labels, [labels.shape[0], 1]), columns), 'float32');
}

/**
 * Mean over the batch of -sum_k q_k log softmax(logits)_k for target distributions q [N, K], where
 * these are more than a class or two.
 */
export function crossEntropy(logits: Value, targets: Value): Value {
  const perBatch = sum(mul(logSoftmax(logits), targets));
  return mul(perBatch, -1 / logits.shape[0]);
}

/**
 * Target distributions for labels: (1 - smoothing) on the label plus smoothing / K everywhere. A label
 * of -1 gives a row of zeros, which counts nowhere.
 */
export function smoothTargets(
  labels: readonly number[],
  classes: number,
  smoothing = 0,
): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => {
    if (label < 0) return;
    rows.fill(smoothing / classes, i * classes, (i + 1) * classes);
    rows[i * classes + label] += 1 - smoothing;
  });
  return rows;
}
