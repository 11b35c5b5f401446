// Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017):
// one number T, fitted on held-out images, so that softmax(z / T) means what it says.
import { checkScores, type ScoredLabels } from './scores.ts';

/** T stays within these; beyond them the held-out images say nothing about calibration. */
export const TEMPERATURE_BOUNDS: readonly [number, number] = [0.05, 20];

export interface TemperatureFit {
  readonly temperature: number;
  /** Mean negative log likelihood before (T = 1) and after, in nats. */
  readonly nllBefore: number;
  readonly nllAfter: number;
  /** Held-out images the fit saw. */
  readonly n: number;
  /** Set when the likelihood still wanted to go on: the set is too small or too easy. */
  readonly atBound?: 'low' | 'high';
}

export interface TemperatureOptions {
  /**
   * Weight of a standard normal prior on log T, in images: the fit minimises
   * n NLL(T) + prior (log T)^2 / 2. The default of 1 vanishes beside fifty images, and keeps ten
   * rightly answered ones from claiming T = 0 and certainty for ever after. 0 is pure likelihood.
   */
  readonly prior?: number;
}

/**
 * Fits T by safeguarded Newton steps on s = log T. With b = 1 / T, p = softmax(b z):
 *   d NLL / db = mean(E_p[z] - z_truth),  d2 NLL / db2 = mean(Var_p[z]),  db / ds = -b.
 * The likelihood is convex in b, so its slope changes sign once. No images give T = 1.
 * Refuses what `checkScores` does.
 */
export function fitTemperature(
  logits: ScoredLabels,
  { prior = 1 }: TemperatureOptions = {},
): TemperatureFit {
  const n = logits.labels.length;
  if (n === 0) return { temperature: 1, nllBefore: 0, nllAfter: 0, n };
  checkScores(logits, 'temperature');
  const slope = (s: number): Derivatives =>
    penalised(derivatives(logits, Math.exp(-s)), s, prior / n);
  const [low, high] = TEMPERATURE_BOUNDS.map(Math.log);
  const s = findRoot(slope, low, high);
  const nll = (at: number): number => derivatives(logits, Math.exp(-at)).nll;
  const fit = { temperature: Math.exp(s), nllBefore: nll(0), nllAfter: nll(s), n };
  if (s <= low) return { ...fit, temperature: TEMPERATURE_BOUNDS[0], atBound: 'low' };
  if (s >= high) return { ...fit, temperature: TEMPERATURE_BOUNDS[1], atBound: 'high' };
  return fit;
}

interface Derivatives {
  readonly nll: number;
  /** First and second derivative with respect to s = log T. */
  readonly first: number;
  readonly second: number;
}

function penalised(d: Derivatives, s: number, weight: number): Derivatives {
  return { nll: d.nll, first: d.first + weight * s, second: d.second + weight };
}

function derivatives({ values, labels, classes }: ScoredLabels, b: number): Derivatives {
  let nll = 0;
  let first = 0;
  let variance = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = values.subarray(i * classes, (i + 1) * classes);
    const moments = rowMoments(row, b);
    const truth = row[labels[i]] - moments.top;
    nll += moments.logSum - b * truth;
    first += moments.mean - truth;
    variance += moments.variance;
  }
  const n = labels.length;
  const byB = first / n;
  return { nll: nll / n, first: -b * byB, second: b * byB + (b * b * variance) / n };
}

/** Mean and variance of z - max(z) under softmax(b z), and the log of the softmax's sum. */
function rowMoments(row: Float32Array, b: number) {
  let top = Number.NEGATIVE_INFINITY;
  for (const z of row) if (z > top) top = z;
  let sum = 0;
  let weighted = 0;
  let squared = 0;
  for (const z of row) {
    const d = z - top;
    const e = Math.exp(b * d);
    sum += e;
    weighted += e * d;
    squared += e * d * d;
  }
  const mean = weighted / sum;
  return { top, mean, variance: squared / sum - mean * mean, logSum: Math.log(sum) };
}

/** Where the slope crosses zero upwards; an end of the range when it never does. */
function findRoot(slope: (s: number) => Derivatives, low: number, high: number): number {
  if (slope(0).first === 0) return 0; // constant logits: no temperature is better than another
  if (slope(low).first >= 0) return low;
  if (slope(high).first <= 0) return high;
  let [a, b, s] = [low, high, 0];
  for (let step = 0; step < 60 && b - a > 1e-10; step++) {
    const { first, second } = slope(s);
    if (first < 0) a = s;
    else b = s;
    const newton = s - first / second;
    const next = second > 0 && newton > a && newton < b ? newton : (a + b) / 2;
    if (Math.abs(next - s) < 1e-9) return next;
    s = next;
  }
  return s;
}
