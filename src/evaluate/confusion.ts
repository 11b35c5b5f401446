// Which classes are taken for which: the full matrix when it is small, the worst pairs always.

/** Images of class `truth` that were answered with class `answer`. */
export interface ConfusedPair {
  readonly truth: number;
  readonly answer: number;
  readonly count: number;
  /** count / images of the true class. */
  readonly share: number;
}

/** Counts `[truth, answer]`, row-major `[classes, classes]`. */
export function confusionMatrix(
  labels: ArrayLike<number>,
  answers: ArrayLike<number>,
  classes: number,
): Uint32Array {
  const matrix = new Uint32Array(classes * classes);
  for (let i = 0; i < labels.length; i++) matrix[labels[i] * classes + answers[i]]++;
  return matrix;
}

/**
 * The wrong (truth, answer) pairs, most frequent first, then the larger share, then class order.
 * Works on counts of what occurred, so it is as good for 100 000 classes as for ten.
 */
export function confusedPairs(
  labels: ArrayLike<number>,
  answers: ArrayLike<number>,
  limit: number = Number.POSITIVE_INFINITY,
): ConfusedPair[] {
  const images = new Map<number, number>();
  const counts = new Map<string, { truth: number; answer: number; count: number }>();
  for (let i = 0; i < labels.length; i++) {
    const [truth, answer] = [labels[i], answers[i]];
    images.set(truth, (images.get(truth) ?? 0) + 1);
    if (truth === answer) continue;
    const key = `${truth}>${answer}`;
    const pair = counts.get(key) ?? { truth, answer, count: 0 };
    pair.count++;
    counts.set(key, pair);
  }
  return [...counts.values()]
    .map((pair) => ({ ...pair, share: pair.count / images.get(pair.truth)! }))
    .sort(
      (a, b) => b.count - a.count || b.share - a.share || a.truth - b.truth || a.answer - b.answer,
    )
    .slice(0, limit);
}
