// The figures of a comparison in words, for the terminal and the page alike.

import type { Comparison } from '../evaluate/comparison.ts';
import type { RunFinding } from './findings.ts';
import type { Compared, ComparisonResult, ContestantResult, FailedRun } from './result.ts';

/** `87.3 %` */
export function share(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** `+5.0` points of a hundred */
export function points(difference: number): string {
  const text = (100 * Math.abs(difference)).toFixed(1);
  return `${difference < 0 && text !== '0.0' ? '−' : '+'}${text}`;
}

/** `0.0006`, `< 0.0001` */
export function probability(p: number): string {
  return p < 1e-4 ? '< 0.0001' : p.toFixed(4);
}

/** `+5.0 (+2.8 to +7.2)`; nothing for the first, which is what the others are held against. */
export function differenceText({ difference }: ContestantResult): string {
  return difference === null ? '' : intervalText(difference);
}

/** `83.6 %`, and for all but the first the difference to it: `+0.6 (−1.0 to +2.3)`. */
export function recallTexts({ recallAt1, recallDifference }: ContestantResult): string[] {
  if (recallAt1 === null) return ['–'];
  if (recallDifference === null) return [share(recallAt1)];
  return [share(recallAt1), intervalText(recallDifference)];
}

function intervalText({ difference, interval: [low, high] }: Comparison): string {
  return `${points(difference)} (${points(low)} to ${points(high)})`;
}

/** Least and most over the seeds; nothing for one seed. */
export function spreadText({ top1BySeed }: ContestantResult): string {
  if (top1BySeed.length < 2) return '';
  return `${share(Math.min(...top1BySeed))} to ${share(Math.max(...top1BySeed))}`;
}

/** `12.5`; a dash where the time was not counted. */
export function minutesText({ minutes }: ContestantResult): string {
  if (minutes === null) return '–';
  return minutes < 10 ? minutes.toFixed(1) : String(Math.round(minutes));
}

/** `triplet has no figures: fold 2, seed 0 failed: the reason` */
export function failureText({ label, run, reason }: FailedRun): string {
  return `${label} has no figures: ${run} failed: ${reason}`;
}

/** `ra-cnn, fold 3, seed 0: what was found` */
export function findingText({ label, run, text }: RunFinding): string {
  return `${label}${run === undefined ? '' : `, ${run}`}: ${text}`;
}

/** A line for each contestant of which training found something: the first, and how many more. */
export function findingLines({ findings }: Pick<Compared, 'findings'>): string[] {
  const labels = [...new Set(findings.map(({ label }) => label))];
  return labels.map((label) => {
    const [first, ...more] = findings.filter((finding) => finding.label === label);
    return `${findingText(first)}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
  });
}

/** What may be said of the best and the first, in one or two sentences. */
export function leadOf({ rows, n, classes }: ComparisonResult): string {
  const [first, ...others] = rows;
  const asked = `${n} images of ${classes} classes`;
  const base = `${first.label} answers ${share(first.top1)} of ${asked} rightly.`;
  if (others.length === 0) return base;
  const claims = others.map((row) => {
    const verdict = {
      above: `is above it by ${points(row.difference!.difference)} points`,
      below: `is below it by ${points(row.difference!.difference)} points`,
      none: `cannot be told from it (${points(row.difference!.difference)} points)`,
    }[row.claim ?? 'none'];
    return `${row.label} ${verdict}`;
  });
  return `${base} ${claims.join('; ')}.`;
}
