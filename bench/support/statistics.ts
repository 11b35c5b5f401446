// Medians, and how far the ratio of two contestants can be trusted.

import { randomStream } from '../../src/core/random.ts';

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The mean; 0 of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The quantile `share` in 0..1, linear between the two values around it. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

export interface Ratio {
  /** Median of the ratios of the rounds. */
  readonly ratio: number;
  /** 90 % of resampled medians lie between these. */
  readonly interval: readonly [low: number, high: number];
}

const RESAMPLES = 2000;

/**
 * Theirs over ours, round by round. Rounds are paired: what slows the machine down for a while
 * slows both. The interval is a percentile bootstrap over the rounds.
 */
export function pairedRatio(theirs: readonly number[], ours: readonly number[]): Ratio {
  const ratios = theirs.map((value, round) => value / ours[round]);
  const stream = randomStream(0, 'bench', 'bootstrap');
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(ratios.map(() => stream.pick(ratios))),
  );
  return { ratio: median(ratios), interval: [quantile(medians, 0.05), quantile(medians, 0.95)] };
}
