// How sure a measured accuracy is: Wilson's interval for a fraction, the bootstrap for the rest.
import { type RandomStream, randomStream } from '../core/random.ts';

/** Lower and upper end. */
export type Interval = readonly [low: number, high: number];

/** Standard normal quantile of 0.975. */
const Z95 = 1.959963984540054;

/**
 * Wilson's score interval for `hits` of `n` (Wilson 1927); never leaves [0, 1] and stays honest at
 * 0 or n hits. `z` defaults to 95 %. Without images the interval is [0, 1].
 */
export function wilsonInterval(hits: number, n: number, z: number = Z95): Interval {
  if (n === 0) return [0, 1];
  const p = hits / n;
  const scale = 1 / (1 + (z * z) / n);
  const centre = (p + (z * z) / (2 * n)) * scale;
  const half = z * scale * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  // at the ends the formula gives exactly 0 and 1 but for rounding
  return [hits === 0 ? 0 : Math.max(0, centre - half), hits === n ? 1 : Math.min(1, centre + half)];
}

/** Quantile q of sorted values, linear between neighbours. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const position = q * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

export interface BootstrapOptions {
  readonly seed?: number;
  /** Number of resamples, 1000 unless told. */
  readonly resamples?: number;
  /** Probability between the two ends, 0.95 unless told. */
  readonly coverage?: number;
}

/**
 * Percentile bootstrap (Efron 1979): draws n of the n images with replacement, `resamples` times,
 * and takes the central `coverage` of the statistic. `statistic` gets the draw as image indices,
 * in a buffer that is reused.
 */
export function bootstrapInterval(
  n: number,
  statistic: (draw: Int32Array) => number,
  { seed = 0, resamples = 1000, coverage = 0.95 }: BootstrapOptions = {},
): Interval {
  const draw = new Int32Array(n);
  const values = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    fillDraw(draw, randomStream(seed, 'bootstrap', r));
    values[r] = statistic(draw);
  }
  values.sort();
  return [quantile(values, (1 - coverage) / 2), quantile(values, (1 + coverage) / 2)];
}

function fillDraw(draw: Int32Array, stream: RandomStream): void {
  for (let i = 0; i < draw.length; i++) draw[i] = stream.integer(draw.length);
}

/** Most image draws that an interval may cost (about two seconds). */
const DRAW_BUDGET = 2e7;

/**
 * Interval for the mean recall over classes. Images are drawn from the whole set, not within each
 * class, because classes with one image would then seem to have no spread at all; a draw that
 * misses a class averages over those it has. Large sets get fewer resamples, at least 100. Where
 * all or no answers are right a draw cannot vary; then it is Wilson's interval for that fraction.
 */
export function perClassMeanInterval(
  labels: ArrayLike<number>,
  right: ArrayLike<number>,
  classes: number,
  options: BootstrapOptions = {},
): Interval {
  const n = labels.length;
  const total = Array.from(right).reduce((sum, r) => sum + r, 0);
  if (total === 0 || total === n) return wilsonInterval(total, n);
  const counts = new Int32Array(classes);
  const hits = new Int32Array(classes);
  const affordable = Math.max(100, Math.floor(DRAW_BUDGET / n));
  const statistic = (draw: Int32Array): number => {
    counts.fill(0);
    hits.fill(0);
    for (const i of draw) {
      counts[labels[i]]++;
      hits[labels[i]] += right[i];
    }
    return meanOfPresent(hits, counts);
  };
  const resamples = Math.min(options.resamples ?? 1000, affordable);
  return bootstrapInterval(n, statistic, { ...options, resamples });
}

function meanOfPresent(hits: Int32Array, counts: Int32Array): number {
  let sum = 0;
  let present = 0;
  for (let k = 0; k < counts.length; k++) {
    if (counts[k] === 0) continue;
    sum += hits[k] / counts[k];
    present++;
  }
  return sum / present;
}
