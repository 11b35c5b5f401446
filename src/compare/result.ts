// The figures of a comparison: each contestant's accuracy over the same images, and whether a
// difference holds.

import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import { countClasses, perClassMean } from '../evaluate/accuracy.ts';
import { type Comparison, compareAccuracy } from '../evaluate/comparison.ts';
import type { Firsts } from '../evaluate/retrieval.ts';
import type { Budget } from './budget.ts';
import type { RunFinding } from './findings.ts';
import type { FactsOfImages } from './image-facts.ts';
import type { RunScores } from './scores.ts';

/** All images in one order, with one column of answers for each repetition of each contestant. */
export interface Answered {
  readonly classes: readonly string[];
  readonly ids: readonly string[];
  readonly paths: readonly string[];
  readonly truths: readonly number[];
  /** The objects' boxes, where they are annotated. */
  readonly boxes: readonly (Box | undefined)[];
  /** The same name for images that belong together; images of which nothing is known stand alone. */
  readonly units: readonly string[];
  readonly contestants: readonly AnsweredContestant[];
}

export interface AnsweredContestant {
  readonly label: string;
  readonly baseline: boolean;
  readonly repetitions: readonly Repetition[];
}

/** One seed: the answers to all images, from one run, or from one for each fold. */
export interface Repetition {
  readonly answers: readonly number[];
  readonly confidences: readonly number[];
  readonly recallAt1: number | null;
  /** For each image; null where a run has none. */
  readonly firsts: Firsts | null;
  readonly seconds: number | null;
}

/** A comparison whose answers are in, with the runs that gave them. */
export interface Compared {
  readonly answered: Answered;
  /** All runs of each contestant. */
  readonly runs: readonly { readonly label: string; readonly folders: readonly string[] }[];
  /** The run of the first repetition that answered an image: contestant and image by index. */
  readonly folderOf: (contestant: number, image: number) => string;
  /** Contestants that are not among those answered, because a run of theirs failed. */
  readonly failed: readonly FailedRun[];
  /** What training found, run by run. */
  readonly findings: readonly RunFinding[];
  /** What the runs of each contestant were given. */
  readonly budgets: readonly Budget[];
}

/** Why a contestant has no figures. */
export interface FailedRun {
  readonly label: string;
  readonly baseline: boolean;
  /** Which of its runs failed: `fold 2, seed 0`. */
  readonly run: string;
  readonly reason: string;
}

/** One line of the table. Accuracies are fractions, means over the repetitions. */
export interface ContestantResult {
  readonly label: string;
  readonly baseline: boolean;
  readonly top1: number;
  /** One for each seed. */
  readonly top1BySeed: readonly number[];
  readonly perClassMean: number;
  /** Share of images whose nearest other one, by descriptor, is of their class; null without. */
  readonly recallAt1: number | null;
  /** Of that share: this one minus the first of the list; null for the first and without. */
  readonly recallDifference: Comparison | null;
  /** Of training, over all folds and seeds; null where a run did not count them. */
  readonly minutes: number | null;
  /** How often the images were passed over; null where nobody told. */
  readonly budget: Budget | null;
  /** This one minus the first of the list, with what may be claimed; null for the first. */
  readonly difference: Comparison | null;
}

/** Everything in figures; JSON-able. */
export interface ComparisonResult {
  /** Images that each contestant answers in each repetition. */
  readonly n: number;
  readonly classes: number;
  readonly rows: readonly ContestantResult[];
  /** Every pair, `a` minus `b`. */
  readonly pairs: readonly (Comparison & { readonly a: string; readonly b: string })[];
}

/** Matches the scores of runs image by image. Runs of one repetition have disjoint images. */
export function alignScores(
  entries: readonly {
    readonly label: string;
    readonly baseline: boolean;
    /** By repetition, by fold. */
    readonly scores: readonly (readonly RunScores[])[];
  }[],
  facts: FactsOfImages = new Map(),
): Answered {
  const first = entries[0].scores[0];
  const { classes } = first[0];
  const rows = imagesOf(first, classes, entries[0].label);
  const ids = [...rows.keys()].sort();
  const contestants = entries.map(({ label, baseline, scores }) => ({
    label,
    baseline,
    repetitions: scores.map((runs) => repetitionOf(runs, { ids, rows, classes, label })),
  }));
  const column = <T>(of: (image: ScoredImage) => T) => ids.map((id) => of(rows.get(id)!));
  return {
    classes,
    ids,
    paths: column(({ path }) => path),
    truths: column(({ truth }) => truth),
    boxes: ids.map((id) => facts.get(id)?.box),
    units: ids.map((id) => facts.get(id)?.unit ?? id),
    contestants,
  };
}

interface ScoredImage {
  readonly path: string;
  readonly truth: number;
  readonly answer: number;
  readonly confidence: number;
  readonly first: 0 | 1 | null;
}

/** The images of several runs by id, with classes numbered as in `classes`. */
function imagesOf(runs: readonly RunScores[], classes: readonly string[], label: string) {
  const images = new Map<string, ScoredImage>();
  for (const run of runs) {
    const renumbered = run.classes.map((name) => classes.indexOf(name));
    if (run.classes.length !== classes.length || renumbered.includes(-1)) {
      throw different(label, `${classes.length} classes`, 'other classes');
    }
    run.ids.forEach((id, i) => {
      images.set(id, {
        path: run.paths[i],
        truth: renumbered[run.truths[i]],
        answer: renumbered[run.answers[i]],
        confidence: run.confidences[i],
        first: run.firsts?.[i] ?? null,
      });
    });
  }
  return images;
}

interface Expected {
  readonly ids: readonly string[];
  readonly rows: ReadonlyMap<string, ScoredImage>;
  readonly classes: readonly string[];
  readonly label: string;
}

function repetitionOf(runs: readonly RunScores[], expected: Expected): Repetition {
  const { ids, rows, classes, label } = expected;
  const images = imagesOf(runs, classes, label);
  const missing = ids.filter((id) => images.get(id)?.truth !== rows.get(id)!.truth);
  if (images.size !== ids.length || missing.length > 0) {
    const got = `${images.size} images, of which ${missing.length} differ or are missing`;
    throw different(label, `the same ${ids.length} images with the same labels`, got);
  }
  const found = ids.map((id) => images.get(id)!);
  const seconds = runs.map((run) => run.seconds);
  const retrieval = runs.map((run) => run.retrieval);
  const queries = sum(retrieval.map((one) => one?.queries ?? 0));
  return {
    answers: found.map(({ answer }) => answer),
    confidences: found.map(({ confidence }) => confidence),
    recallAt1: retrieval.includes(null)
      ? null
      : sum(retrieval.map((one) => (one!.recallAt1 * one!.queries) / queries)),
    firsts: runs.some((run) => run.firsts === undefined) ? null : found.map(({ first }) => first),
    seconds: seconds.includes(null) ? null : sum(seconds as number[]),
  };
}

function different(label: string, expected: string, got: string) {
  return fail('FM_RUN', label, {
    expected,
    got,
    next: 'Compare runs that were trained and scored on the same data and the same split.',
  });
}

export interface ResultOptions {
  /** Keys the bootstrap. */
  readonly seed?: number;
  /** In the order of the contestants. */
  readonly budgets?: Compared['budgets'];
}

/** All figures. */
export function resultOf(
  answered: Answered,
  { seed = 0, budgets = [] }: ResultOptions = {},
): ComparisonResult {
  const { truths, classes, contestants, units } = answered;
  const right = contestants.map((contestant) => shareRight(contestant, truths));
  const compare = (a: number, b: number) => compareAccuracy(right[a], right[b], { units, seed });
  const compareRecall = (a: AnsweredContestant, b: AnsweredContestant) => {
    const [found, others] = [shareFound(a), shareFound(b)];
    if (found === null || others === null) return null;
    const both = [...units.keys()].filter((i) => !Number.isNaN(found[i] + others[i]));
    if (both.length === 0) return null;
    const [ofA, ofB] = [found, others].map((shares) => both.map((i) => shares[i]));
    return compareAccuracy(ofA, ofB, { units: both.map((i) => units[i]), seed });
  };
  const rows = contestants.map((contestant, i): ContestantResult => {
    const difference = i === 0 ? null : compare(i, 0);
    const recallDifference = i === 0 ? null : compareRecall(contestant, contestants[0]);
    const figures = figuresOf(contestant, truths, classes.length);
    return { ...figures, recallDifference, budget: budgets[i] ?? null, difference };
  });
  const pairs = contestants.flatMap(({ label: a }, i) =>
    contestants.slice(0, i).map(({ label: b }, j) => ({ a, b, ...compare(i, j) })),
  );
  return { n: truths.length, classes: classes.length, rows, pairs };
}

/** For each image, the share of repetitions that answer it rightly. */
export function shareRight(
  { repetitions }: Pick<AnsweredContestant, 'repetitions'>,
  truths: readonly number[],
): Float64Array {
  return Float64Array.from(truths, (truth, i) =>
    mean(repetitions.map(({ answers }) => Number(answers[i] === truth))),
  );
}

/** For each image, the share of repetitions that find one of its class first; NaN without any. */
function shareFound({ repetitions }: AnsweredContestant): Float64Array | null {
  const columns = repetitions.map(({ firsts }) => firsts);
  if (columns.includes(null)) return null;
  const known = columns as Firsts[];
  return Float64Array.from(known[0], (_, i) => mean(known.map((of) => of[i] ?? Number.NaN)));
}

function figuresOf(
  { label, baseline, repetitions }: AnsweredContestant,
  truths: readonly number[],
  classes: number,
) {
  const seconds = repetitions.map((one) => one.seconds);
  const recalls = repetitions.map((one) => one.recallAt1);
  const top1BySeed = repetitions.map(({ answers }) =>
    mean(answers.map((answer, i) => Number(answer === truths[i]))),
  );
  return {
    label,
    baseline,
    top1: mean(top1BySeed),
    top1BySeed,
    perClassMean: mean(
      repetitions.map(({ answers }) => perClassMean(countClasses(truths, answers, classes))),
    ),
    recallAt1: recalls.includes(null) ? null : mean(recalls as number[]),
    minutes: seconds.includes(null) ? null : sum(seconds as number[]) / 60,
  };
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
