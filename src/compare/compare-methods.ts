// Cross-validation of several methods on the same folds. Every run has a folder of its own; runs
// that are finished are kept, and one that was stopped goes on, so that the same call continues.

import { resolve } from 'node:path';
import { parseConfig, type RunConfigInput } from '../train/config.ts';
import { emitter, type TrainEvent } from '../train/events.ts';
import { type Contestant, withBaselines } from './contestant.ts';
import { factsOfImages } from './image-facts.ts';
import { holdToImages, openFolds, type PlannedRun, planRuns, type Rounds } from './plan.ts';
import { alignScores, type Compared } from './result.ts';
import type { RunScores } from './scores.ts';
import { TimeLeft } from './time-left.ts';
import { isFinished, scoreRunOf, trainRun } from './train-run.ts';

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

/** Trains and scores every contestant, baselines included, on every fold. */
export async function compareMethods(options: CompareOptions): Promise<Compared> {
  const { onEvent = () => {}, signal = new AbortController().signal } = options;
  const { folds = 5, foldSeed = 0, seeds = 1 } = options;
  const rounds = { folds, foldSeed, seeds };
  const out = resolve(options.out);
  const emit = emitter(onceEach(onEvent));
  const { contestants, notes } = withBaselines(options.contestants, options.common);
  for (const note of notes) emit.note(note);
  const cut = await openFolds(parseConfig(options.common), rounds, emit, signal);
  const runs = await planRuns(out, contestants, options.common, rounds, emit, signal);
  await holdToImages(out, cut.fingerprint);

  const finished = new Set<PlannedRun>();
  for (const run of runs) if (await isFinished(run)) finished.add(run);
  const missing = runs.filter((run) => !finished.has(run));
  if (finished.size > 0) emit.note(`${finished.size} of ${runs.length} runs are there already`);
  const time = new TimeLeft(missing.map(({ contestant }) => contestant.label));
  const scores = new Map<PlannedRun, RunScores>();
  for (const [number, run] of runs.entries()) {
    const about = { run, place: `${number + 1}/${runs.length}`, time, emit, signal };
    if (!finished.has(run)) await trainRun(about);
    scores.set(run, await scoreRunOf(about, cut.ids[run.fold.index - 1]));
  }
  const runsOf = ({ label }: Pick<Contestant, 'label'>) =>
    runs.filter(({ contestant }) => contestant.label === label);
  const entries = contestants.map((contestant) => ({
    label: contestant.label,
    baseline: contestant.baseline,
    scores: Array.from({ length: seeds }, (_, repetition) =>
      runsOf(contestant)
        .filter((run) => run.repetition === repetition)
        .map((run) => scores.get(run)!),
    ),
  }));
  const answered = alignScores(entries, factsOfImages(cut.dataset.examples));
  const foldOf = new Map(cut.ids.flatMap((ids, fold) => ids.map((id) => [id, fold] as const)));
  return {
    answered,
    runs: contestants.map((contestant) => ({
      label: contestant.label,
      folders: runsOf(contestant).map(({ folder }) => folder),
    })),
    // the first repetition comes first, fold by fold
    folderOf: (contestant, image) =>
      runsOf(contestants[contestant])[foldOf.get(answered.ids[image])!].folder,
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
