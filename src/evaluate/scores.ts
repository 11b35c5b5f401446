// What every metric starts from: the scores of n images over K classes, and their probabilities.
import { fail } from '../core/errors.ts';

/** Scores of n images with their true labels. `values` is row-major `[n, classes]`. */
export interface ScoredLabels {
  /** Logits or probabilities, whichever the metric asks for. */
  readonly values: Float32Array;
  /** The true class of each image, 0 to classes - 1. */
  readonly labels: ArrayLike<number>;
  /** Number of classes K. */
  readonly classes: number;
}

/**
 * Refuses scores that cannot be evaluated: a length that does not fit (FM_GRAPH), a label outside
 * the classes (FM_DATASET), a value that is not a number (FM_RUNTIME).
 */
export function checkScores({ values, labels, classes }: ScoredLabels, where: string): void {
  const n = labels.length;
  if (values.length !== n * classes) {
    throw fail('FM_GRAPH', where, {
      expected: `${n} x ${classes} scores`,
      got: `${values.length}`,
      next: 'Pass the logits of the same images, in the same order, as the labels.',
    });
  }
  for (let i = 0; i < n; i++) {
    if (Number.isInteger(labels[i]) && labels[i] >= 0 && labels[i] < classes) continue;
    throw fail('FM_DATASET', where, {
      expected: `labels from 0 to ${classes - 1}`,
      got: `${labels[i]} for image ${i}`,
      next: 'Evaluate on a dataset with the classes the recogniser was trained on.',
    });
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw fail('FM_RUNTIME', where, {
    expected: 'finite scores',
    got: `${values[bad]} for image ${Math.floor(bad / classes)}`,
    next: 'The weights are damaged or training diverged: evaluate an earlier checkpoint.',
  });
}

/** Probabilities `softmax(logits / temperature)`, row by row. Shapes: `[n, classes]` in and out. */
export function softmax(logits: Float32Array, classes: number, temperature = 1): Float32Array {
  const out = new Float32Array(logits.length);
  const row = new Float64Array(classes);
  for (let start = 0; start + classes <= logits.length; start += classes) {
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) top = Math.max(top, logits[start + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      row[k] = Math.exp((logits[start + k] - top) / temperature);
      sum += row[k];
    }
    for (let k = 0; k < classes; k++) out[start + k] = row[k] / sum;
  }
  return out;
}

/**
 * The best class of each image; the lower index wins a tie. NaN is never the best: an image of which
 * every score is NaN has no answer, and -1 in its place.
 */
export function answersOf(values: Float32Array, classes: number): Int32Array {
  const answers = new Int32Array(Math.floor(values.length / classes)).fill(-1);
  for (let i = 0; i < answers.length; i++) {
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) {
      const value = values[i * classes + k];
      if (value > best || (value === best && answers[i] < 0)) {
        best = value;
        answers[i] = k;
      }
    }
  }
  return answers;
}

/**
 * The rank of the true class of each image, 0 for the best. Ties are ordered by class index, as
 * `answersOf` does, so rank 0 means that the answer is right. A true class whose score is NaN is behind
 * all others, at rank `classes`.
 */
export function truthRanks({ values, labels, classes }: ScoredLabels): Int32Array {
  const ranks = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const truth = values[i * classes + labels[i]];
    if (Number.isNaN(truth)) ranks[i] = classes;
    for (let k = 0; k < classes; k++) {
      const value = values[i * classes + k];
      if (value > truth || (value === truth && k < labels[i])) ranks[i]++;
    }
  }
  return ranks;
}
