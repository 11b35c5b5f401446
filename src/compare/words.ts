// The figures of a comparison in words, for the terminal and the page alike.

import { type Comparison, LARGEST_P } from '../evaluate/comparison.ts';
import { passesOver, unequalIn } from './budget.ts';
import type { RunFinding } from './findings.ts';
import type { Compared, ComparisonResult, ContestantResult, FailedRun } from './result.ts';

/** `87.3 %` */
export function share(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** `+5.0` points of a hundred */
export function points(difference: number): string {
  const text = pointsApart(difference);
  return `${difference < 0 && text !== '0.0' ? '−' : '+'}${text}`;
}

/** `5.0` points of a hundred, whichever way. */
function pointsApart(difference: number): string {
  return (100 * Math.abs(difference)).toFixed(1);
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

/** `+0.6 (−1.0 to +2.3)` */
function intervalText({ difference, interval }: Comparison): string {
  return `${points(difference)} (${endsText({ interval })})`;
}

function endsText({ interval: [low, high] }: Pick<Comparison, 'interval'>): string {
  return `${points(low)} to ${points(high)}`;
}

/** What may be claimed in a word; nothing for the first. */
export function claimText({ difference }: ContestantResult): string {
  return difference === null ? '' : (difference.claim ?? 'none');
}

/** What may be said of `a` against `b`, after the name of `a`; `b` as it is to be called. */
function findingWords(found: Comparison, b: string): string {
  const { claim, doubt, difference, onlyA, onlyB, mcnemar } = found;
  if (claim !== null) {
    const size = pointsApart(difference);
    const apart = `${size === '0.0' ? '< 0.1' : size} points ${claim} ${b}`;
    // whoever reads p against 0.05 would take the claim for a mistake
    const level =
      mcnemar < 0.05 ? '' : `; p ${probability(mcnemar)}, below ${LARGEST_P} as that level asks`;
    return `is ${apart} (90 % interval ${endsText(found)}${level})`;
  }
  const why = {
    interval: `90 % interval ${endsText(found)}`,
    few: `only ${onlyA + onlyB} of the images are answered rightly by just one of the two`,
    split:
      'of the images that just one of the two answers rightly, ' +
      `${onlyA} speak for it and ${onlyB} against, p ${probability(mcnemar)}`,
  }[doubt];
  return `cannot be told from ${b} (${points(difference)} points, ${why})`;
}

/** Least and most over the seeds; nothing for one seed. */
export function spreadText({ top1BySeed }: ContestantResult): string {
  if (top1BySeed.length < 2) return '';
  return `${share(Math.min(...top1BySeed))} to ${share(Math.max(...top1BySeed))}`;
}

/** `12.5`; a dash where the time was not counted. */
export function minutesText({ minutes }: ContestantResult): string {
  if (minutes === null) return '–';
  if (minutes < 0.05) return '< 0.1';
  return minutes < 10 ? minutes.toFixed(1) : String(Math.round(minutes));
}

/** `head 100 cached, all 8`: passes of a run over its images, stage by stage. */
export function passesText({ budget }: ContestantResult): string {
  if (budget === null || budget.stages.length === 0) return '–';
  return budget.stages
    .map(
      ({ stage, on, epochs }) => `${stage} ${count(epochs)}${on === 'features' ? ' cached' : ''}`,
    )
    .join(', ');
}

/** A whole number, or one decimal of a mean. */
function count(mean: number): string {
  return String(Number(mean.toFixed(1)));
}

/** In what each contestant had another budget than the first; empty when in nothing. */
export function budgetLines({ rows: [first, ...others] }: ComparisonResult): string[] {
  const lines = others.flatMap((row) => {
    const unequal = unequalIn(row, first);
    if (unequal.length === 0) return [];
    const words = unequal.map(
      (what) => `${amountOf(what, row)} against ${amountOf(what, first)} ${BUDGET_WORDS[what]}`,
    );
    return [`${row.label}: ${words.join('; ')}`];
  });
  if (lines.length === 0) return [];
  const head = `Budgets are not those of ${first.label}; a difference may be owed to that.`;
  return [head, ...lines];
}

/** What budgets may differ in. */
const BUDGET_WORDS = {
  photographs: 'passes over the photographs',
  features: 'passes over cached features',
  images: 'training images',
  minutes: 'minutes',
} as const;

function amountOf(what: keyof typeof BUDGET_WORDS, row: ContestantResult): string {
  if (what === 'minutes') return minutesText(row);
  const { budget } = row;
  if (budget === null) return '–';
  return count(what === 'images' ? budget.images : passesOver(what, budget));
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

/** What the first answers, and what may be said of each other one against it: a sentence each. */
export function leadLines({ rows: [first, ...others], n, classes }: ComparisonResult): string[] {
  const base = `${share(first.top1)} of ${n} images of ${classes} classes`;
  return [
    `${first.label} answers ${base} rightly.`,
    ...others.map((row) => `${row.label} ${findingWords(row.difference!, first.label)}.`),
  ];
}
