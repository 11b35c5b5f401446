// Is recogniser A better than B on the same images? Paired bootstrap and McNemar's exact test.
import { fail } from '../core/errors.ts';
import { bootstrapInterval, type Interval } from './intervals.ts';

/**
 * What may be said of A against B: words, tables, colours and JSON all derive from it. Either there is
 * a claim, or what forbids one: the interval reaches zero (`interval`), too few images were answered
 * rightly by only one of the two (`few`), or they are split too evenly (`split`).
 */
export type Finding =
  | { readonly claim: 'above' | 'below'; readonly doubt: null }
  | { readonly claim: null; readonly doubt: 'interval' | 'few' | 'split' };

/** The figures of `compareAccuracy`. Differences are accuracy of A minus accuracy of B. */
export interface PairedFigures {
  readonly n: number;
  readonly accuracyA: number;
  readonly accuracyB: number;
  readonly difference: number;
  /** Central 90 % of the paired bootstrap. */
  readonly interval: Interval;
  /** Images that A answers rightly more often than B, and the other way round. */
  readonly onlyA: number;
  readonly onlyB: number;
  /**
   * Two-sided exact McNemar probability of a split at least this uneven. With shares over several
   * seeds it is the sign test over images, of which McNemar's is the case of one seed.
   */
  readonly mcnemar: number;
}

/** The outcome of `compareAccuracy`: figures, and what may be said of them. */
export type Comparison = PairedFigures & Finding;

/** Share of bootstrap draws within the interval. */
const COVERAGE = 0.9;

/**
 * Largest p beside a claim: what the interval leaves outside, so that interval and exact test speak of
 * the same level.
 */
export const LARGEST_P = 0.1;

/** Fewest images answered rightly by only one of the two. Of 5, p is above 0.05 however they split. */
export const FEWEST_DECIDING = 6;

/**
 * The one rule of claims: the interval does not reach zero, at least 6 images decide, and the exact
 * test agrees at the interval's level (docs/adr/0014-interval-and-exact-test-agree.md).
 */
export function findingOf({
  interval: [low, high],
  onlyA,
  onlyB,
  mcnemar,
}: Pick<PairedFigures, 'interval' | 'onlyA' | 'onlyB' | 'mcnemar'>): Finding {
  if (low <= 0 && high >= 0) return { claim: null, doubt: 'interval' };
  if (onlyA + onlyB < FEWEST_DECIDING) return { claim: null, doubt: 'few' };
  if (mcnemar >= LARGEST_P) return { claim: null, doubt: 'split' };
  return { claim: low > 0 ? 'above' : 'below', doubt: null };
}

/** The same comparison seen from B. */
export function mirrored(of: Comparison): Comparison {
  const [low, high] = of.interval;
  const figures = {
    n: of.n,
    accuracyA: of.accuracyB,
    accuracyB: of.accuracyA,
    difference: -of.difference,
    interval: [-high, -low] as const,
    onlyA: of.onlyB,
    onlyB: of.onlyA,
    mcnemar: of.mcnemar,
  };
  return { ...figures, ...findingOf(figures) };
}

export interface ComparisonOptions {
  /**
   * For each image a name that it shares with those it belongs to, such as photographs of one burst:
   * the bootstrap draws them together. Default: each image by itself.
   */
  readonly units?: readonly string[];
  readonly seed?: number;
  /** Bootstrap resamples, 2000 unless told. */
  readonly resamples?: number;
}

/**
 * Compares two recognisers on the same images, in the same order: `rightA[i]` is 1 when A answers
 * image i rightly, 0 when not, and with several seeds the share of them that do.
 */
export function compareAccuracy(
  rightA: ArrayLike<number>,
  rightB: ArrayLike<number>,
  { units, seed = 0, resamples = 2000 }: ComparisonOptions = {},
): Comparison {
  const n = rightA.length;
  checkPaired(n, rightB.length);
  const delta = Float64Array.from({ length: n }, (_, i) => rightA[i] - rightB[i]);
  const { sums, sizes } = byUnit(delta, units);
  const mean = (draw: Int32Array): number => {
    let [sum, images] = [0, 0];
    for (const unit of draw) {
      sum += sums[unit];
      images += sizes[unit];
    }
    return sum / images;
  };
  const interval = bootstrapInterval(sums.length, mean, { seed, resamples, coverage: COVERAGE });
  const onlyA = delta.filter((d) => d > 0).length;
  const onlyB = delta.filter((d) => d < 0).length;
  const accuracyA = total(rightA) / n;
  const accuracyB = total(rightB) / n;
  const mcnemar = mcnemarExact(onlyA, onlyB);
  const difference = total(delta) / n;
  const figures = { n, accuracyA, accuracyB, difference, interval, onlyA, onlyB, mcnemar };
  return { ...figures, ...findingOf(figures) };
}

/** Sum of the values and number of images of each unit, in order of first appearance. */
function byUnit(values: Float64Array, units?: readonly string[]) {
  const places = new Map<string | number, number>();
  const sums: number[] = [];
  const sizes: number[] = [];
  values.forEach((value, i) => {
    const name = units?.[i] ?? i;
    const place = places.get(name) ?? sums.length;
    places.set(name, place);
    sums[place] = (sums[place] ?? 0) + value;
    sizes[place] = (sizes[place] ?? 0) + 1;
  });
  return { sums, sizes };
}

function checkPaired(a: number, b: number): void {
  if (a === b && a > 0) return;
  throw fail('FM_DATASET', 'compare', {
    expected: 'the same images for both recognisers, at least one',
    got: `${a} and ${b}`,
    next: 'Evaluate both on the same split of the same dataset.',
  });
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

/**
 * McNemar's exact test: of `onlyA + onlyB` images that split the two, each side is equally likely
 * under equality, so p = min(1, 2 P(X <= min)) with X ~ Binomial(onlyA + onlyB, 1/2).
 */
export function mcnemarExact(onlyA: number, onlyB: number): number {
  const n = onlyA + onlyB;
  const least = Math.min(onlyA, onlyB);
  let logChoose = -n * Math.LN2; // log of C(n, i) / 2^n, from i = 0 on
  let tail = Math.exp(logChoose);
  for (let i = 1; i <= least; i++) {
    logChoose += Math.log((n - i + 1) / i);
    tail += Math.exp(logChoose);
  }
  return Math.min(1, 2 * tail);
}
