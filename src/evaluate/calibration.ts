// Does 80 % confidence mean right 80 % of the time? Reliability bins, ECE, Brier score, NLL.
// The temperature that repairs it is fitted in temperature.ts.
import { answersOf, checkScores, type ScoredLabels } from './scores.ts';

/** Images whose confidence lies in one range. Without images, confidence and accuracy are 0. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** Mean confidence of the images in the bin. */
  readonly confidence: number;
  /** Fraction of them that were answered rightly. */
  readonly accuracy: number;
}

/** Confidence of each answer and whether it was right. */
export interface Confidences {
  readonly confidence: Float64Array;
  readonly right: Uint8Array;
}

/** The largest probability of each image, and whether its class is the true one. */
export function confidencesOf(probabilities: ScoredLabels): Confidences {
  checkScores(probabilities, 'confidences');
  const { values, labels, classes } = probabilities;
  const answers = answersOf(values, classes);
  return {
    confidence: Float64Array.from(answers, (answer, i) => values[i * classes + answer]),
    right: Uint8Array.from(answers, (answer, i) => (answer === labels[i] ? 1 : 0)),
  };
}

/** Bins of equal width over [0, 1]; a confidence on a border belongs to the lower bin. */
export function reliabilityBins({ confidence, right }: Confidences, bins = 15): ReliabilityBin[] {
  const members: number[][] = Array.from({ length: bins }, () => []);
  confidence.forEach((value, i) => {
    members[Math.min(bins - 1, Math.max(0, Math.ceil(value * bins) - 1))].push(i);
  });
  return members.map((images, b) =>
    binOf(images, { confidence, right }, [b / bins, (b + 1) / bins]),
  );
}

/** Bins of equal numbers of images, so that none is empty; the ranges follow the images. */
export function adaptiveBins(confidences: Confidences, bins = 15): ReliabilityBin[] {
  const { confidence } = confidences;
  const order = Array.from(confidence.keys()).sort((a, b) => confidence[a] - confidence[b]);
  const count = Math.min(bins, order.length);
  return Array.from({ length: count }, (_, b) => {
    const from = Math.floor((b * order.length) / count);
    const images = order.slice(from, Math.floor(((b + 1) * order.length) / count));
    return binOf(images, confidences, [confidence[images[0]], confidence[images.at(-1)!]]);
  });
}

function binOf(
  images: readonly number[],
  { confidence, right }: Confidences,
  [low, high]: readonly [number, number],
): ReliabilityBin {
  const n = images.length;
  const mean = (values: ArrayLike<number>): number =>
    n === 0 ? 0 : images.reduce((sum, i) => sum + values[i], 0) / n;
  return { low, high, n, confidence: mean(confidence), accuracy: mean(right) };
}

/**
 * Expected calibration error (Naeini 2015, Guo 2017): sum over bins of n_b / n * |acc_b - conf_b|.
 * 0 is perfect, 1 is the worst. Takes the bins of either kind.
 */
export function calibrationError(bins: readonly ReliabilityBin[]): number {
  const n = bins.reduce((sum, bin) => sum + bin.n, 0);
  return bins.reduce((sum, b) => sum + (b.n / n) * Math.abs(b.accuracy - b.confidence), 0);
}

/** Multi-class Brier score: mean over images of sum_k (p_k - [k = truth])^2, 0 to 2. */
export function brierScore({ values, labels, classes }: ScoredLabels): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let k = 0; k < classes; k++) {
      sum += (values[i * classes + k] - (k === labels[i] ? 1 : 0)) ** 2;
    }
  }
  return sum / labels.length;
}

/**
 * Mean negative log likelihood of the true classes, in nats, at a temperature. Takes logits, not
 * probabilities: the log of a sum of exponentials does not underflow.
 */
export function negativeLogLikelihood(logits: ScoredLabels, temperature = 1): number {
  const { values, labels, classes } = logits;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const start = i * classes;
    let top = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) top = Math.max(top, values[start + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp((values[start + k] - top) / temperature);
    total += Math.log(sum) - (values[start + labels[i]] - top) / temperature;
  }
  return total / labels.length;
}
