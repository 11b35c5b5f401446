// Cross-validation of several methods on the same folds. Every run has a folder of its own; runs
// that are finished are kept, and one that was stopped goes on, so that the same call continues.

import { resolve } from 'node:path';
import { type ErrorCode, FieldmarkError } from '../core/errors.ts';
import { parseConfig, type RunConfigInput } from '../train/config.ts';
import { type Emit, emitter, type TrainEvent } from '../train/events.ts';
import { budgetOf } from './budget.ts';
import { type Contestant, withBaselines } from './contestant.ts';
import { findingsOf } from './findings.ts';
import { factsOfImages } from './image-facts.ts';
import {
  type Folds,
  holdToImages,
  openFolds,
  type PlannedRun,
  planRuns,
  type Rounds,
} from './plan.ts';
import { alignScores, type Compared, type FailedRun } from './result.ts';
import type { RunScores } from './scores.ts';
import { TimeLeft } from './time-left.ts';
import { isFinished, placeOf, scoreRunOf, trainRun } from './train-run.ts';

export interface CompareOptions extends Partial<Rounds> {
  /** Folder of the comparison. */
  readonly out: string;
  readonly contestants: readonly Contestant[];
  /** What all are trained with; `seed` is that of the first repetition. */
  readonly common: RunConfigInput;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting stops after a checkpoint; the promise rejects with `TrainingStopped`. */
  readonly signal?: AbortSignal;
}

/**
 * Trains and scores every contestant, baselines included, on every fold. A contestant of which a run
 * fails has no figures; where all fail, the first error is thrown.
 */
export async function compareMethods(options: CompareOptions): Promise<Compared> {
  const { onEvent = () => {}, signal = new AbortController().signal } = options;
  const { folds = 5, foldSeed = 0, seeds = 1 } = options;
  const rounds = { folds, foldSeed, seeds };
  const out = resolve(options.out);
  const emit = emitter(onceEach(onEvent));
  const { contestants, notes } = withBaselines(options.contestants, options.common);
  for (const note of notes) emit.note(note);
  const cut = await openFolds(parseConfig(options.common), rounds, emit, signal);
  const runs = await planRuns(out, contestants, options.common, rounds, cut, emit, signal);
  await holdToImages(out, cut.fingerprint);

  const { scores, failed } = await trainAll(runs, cut, emit, signal);
  const whole = contestants.filter(({ label }) => !failed.some((one) => one.label === label));
  return { ...(await gather(whole, scores, cut)), failed };
}

/** Failures that say nothing about the other contestants. */
const OWN_FAILURES: readonly ErrorCode[] = ['FM_TRAINING', 'FM_RUNTIME'];

function isOwnFailure(cause: unknown): cause is FieldmarkError {
  return cause instanceof FieldmarkError && OWN_FAILURES.includes(cause.code);
}

/** Trains what is missing, and scores. Further runs of a contestant that has failed are left out. */
async function trainAll(
  runs: readonly PlannedRun[],
  { ids }: Folds,
  emit: Emit,
  signal: AbortSignal,
): Promise<{ scores: Map<PlannedRun, RunScores>; failed: FailedRun[] }> {
  const finished = new Set<PlannedRun>();
  for (const run of runs) if (await isFinished(run)) finished.add(run);
  const missing = runs.filter((run) => !finished.has(run));
  if (finished.size > 0) emit.note(`${finished.size} of ${runs.length} runs are there already`);
  const time = new TimeLeft(missing.map(({ contestant }) => contestant.label));
  const scores = new Map<PlannedRun, RunScores>();
  const failed = new Map<string, FailedRun & { readonly cause: unknown }>();
  for (const [number, run] of runs.entries()) {
    const { label, baseline } = run.contestant;
    if (failed.has(label)) continue;
    const about = { run, place: `${number + 1}/${runs.length}`, time, emit, signal };
    try {
      if (!finished.has(run)) await trainRun(about);
    } catch (cause) {
      if (signal.aborted || !isOwnFailure(cause)) throw cause;
      failed.set(label, { label, baseline, run: placeOf(run), reason: cause.message, cause });
      emit.note(`${about.place} ${label} ${placeOf(run)} failed: ${cause.message}`);
      emit.note(`${label} has no figures in this comparison: none of its other runs is trained`);
      time.leaveOut(label);
      continue;
    }
    scores.set(run, await scoreRunOf(about, ids[run.fold.index - 1]));
  }
  const all = [...failed.values()];
  if (runs.every(({ contestant }) => failed.has(contestant.label))) throw all[0].cause;
  return { scores, failed: all.map(({ cause: _, ...told }) => told) };
}

/** The answers of these contestants in one order of images, and what is to be told of their runs. */
async function gather(
  contestants: readonly Contestant[],
  scores: ReadonlyMap<PlannedRun, RunScores>,
  { ids, dataset, hashes }: Folds,
): Promise<Omit<Compared, 'failed'>> {
  const all = [...scores.keys()];
  const entries = contestants.map(({ label, baseline }) => {
    const runs = all.filter(({ contestant }) => contestant.label === label);
    const repetitions = [...new Set(runs.map(({ repetition }) => repetition))];
    const of = (repetition: number) => runs.filter((run) => run.repetition === repetition);
    return {
      label,
      baseline,
      runs,
      scores: repetitions.map((repetition) => of(repetition).map((run) => scores.get(run)!)),
    };
  });
  const answered = alignScores(entries, factsOfImages(dataset.examples, hashes));
  const foldOf = new Map(ids.flatMap((held, fold) => held.map((id) => [id, fold] as const)));
  const told = entries.flatMap(({ label, runs }) =>
    runs.map((run) => ({ label, run: placeOf(run), folder: run.folder })),
  );
  return {
    answered,
    runs: entries.map(({ label, runs }) => ({ label, folders: runs.map(({ folder }) => folder) })),
    // the first repetition comes first, fold by fold
    folderOf: (contestant, image) =>
      entries[contestant].runs[foldOf.get(answered.ids[image])!].folder,
    findings: await findingsOf(told),
    budgets: await Promise.all(
      entries.map(({ runs }) => budgetOf(runs.map(({ folder }) => folder))),
    ),
  };
}

/** Passes a note on once: every run of a contestant says the same. */
function onceEach(onEvent: (event: TrainEvent) => void): (event: TrainEvent) => void {
  const said = new Set<string>();
  return (event) => {
    if (event.kind === 'note' && said.has(event.text)) return;
    if (event.kind === 'note') said.add(event.text);
    onEvent(event);
  };
}
