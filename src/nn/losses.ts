// Losses: logits and targets in, one scalar out.

import { mul } from '../graph/ops/arithmetic.ts';
import { logSoftmax } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';

/**
 * Mean over the batch of -sum_k q_k log softmax(logits)_k for target distributions q [N, K].
 * Hard labels, smoothed labels and mixed labels are all distributions (`smoothTargets`).
 */
export function crossEntropy(logits: Value, targets: Value): Value {
  const perBatch = sum(mul(logSoftmax(logits), targets));
  return mul(perBatch, -1 / logits.shape[0]);
}

/**
 * Target distributions for labels: (1 - smoothing) on the label plus smoothing / K everywhere
 * (Szegedy et al. 2016, arXiv 1512.00567, section 7). A label of -1 gives a row of zeros, which
 * counts nowhere: that is how the last, incomplete batch is padded.
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
