// One run of a comparison: whether it is there already, its training, its scores.

import { fail } from '../core/errors.ts';
import { readManifest } from '../recognise/open-model.ts';
import { maxPixelsOf } from '../train/config.ts';
import type { Emit, TrainEvent } from '../train/events.ts';
import { holdToRecipe } from '../train/recipe.ts';
import { hasRun, openRun, runPaths } from '../train/run-folder.ts';
import { settleConfig, TrainingStopped, train } from '../train/train.ts';
import type { PlannedRun } from './plan.ts';
import { type RunScores, scoresOf } from './scores.ts';
import type { TimeLeft } from './time-left.ts';

/** Whether a run is trained to its end. Throws FM_RUN when its settings or weights were others. */
export async function isFinished(run: PlannedRun): Promise<boolean> {
  const { folder, config, weights, recipe } = run;
  const manifest = await readManifest(runPaths(folder).model).catch(() => undefined);
  if (manifest === undefined) return false;
  await openRun(folder, await settleConfig(config, folder, () => {}), 'resume');
  await holdToRecipe(runPaths(folder).recipe, recipe);
  mustStartFrom(folder, weights, manifest.weights.sha256);
  return true;
}

/** The configuration names weights by their place, where there may be others by now. */
function mustStartFrom(folder: string, now: string | undefined, then: string | undefined): void {
  if (now === undefined || then === undefined || now === then) return;
  throw fail('FM_RUN', folder, {
    expected: `the weights that it was trained from (SHA-256 ${then.slice(0, 12)}...)`,
    got: `others under the same name (${now.slice(0, 12)}...)`,
    next: 'Put the weights back as they were, or choose another --out.',
  });
}

export interface RunProgress {
  readonly run: PlannedRun;
  /** Which of the runs it is: `3/10`. */
  readonly place: string;
  readonly time: TimeLeft;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Trains a run, from where it was stopped if it was. */
export async function trainRun({ run, place, time, emit, signal }: RunProgress): Promise<void> {
  const { folder, config, contestant } = run;
  const task = `${place} ${nameOf(run)}`;
  const onEvent = (event: TrainEvent) => {
    if (event.kind === 'note') emit.note(event.text);
    if (event.kind !== 'progress') return;
    const { kind: _, ...progress } = event;
    const secondsLeft = time.seconds(contestant.label, event.secondsLeft ?? 0);
    emit.progress({ ...progress, task: `${task}: ${event.task}`, secondsLeft });
  };
  time.begin();
  try {
    const mode = (await hasRun(folder)) ? 'resume' : 'new';
    const { findings } = await train({ out: folder, config, mode, onEvent, signal });
    // the trainer has said it, but not which run it is of
    for (const finding of findings) emit.note(`${task}: ${finding}`);
  } catch (cause) {
    if (!(cause instanceof TrainingStopped)) throw cause;
    throw new TrainingStopped('stopped after a checkpoint; the same command continues');
  }
  time.finish(contestant.label);
}

/** Scores a run on the images of its fold, whose ids are known. */
export async function scoreRunOf(
  { run, place, emit, signal }: RunProgress,
  ids: readonly string[],
): Promise<RunScores> {
  const { data, format, fold, skipBad, threads, workers } = run.config;
  const scores = await scoresOf(
    run.folder,
    {
      data,
      format,
      fold,
      skipBad,
      maxPixels: maxPixelsOf(run.config),
      threads,
      workers,
      split: 'test',
      onProgress: (event) => emit.progress({ ...event, task: `${place} ${nameOf(run)}: scoring` }),
      signal,
    },
    ids,
  );
  const right = scores.answers.filter((answer, i) => answer === scores.truths[i]).length;
  const share = ((100 * right) / ids.length).toFixed(1);
  emit.note(`${place} ${nameOf(run)}: ${share} % of ${ids.length} images`);
  return scores;
}

/** `triplet fold 2, seed 1` */
function nameOf(run: PlannedRun): string {
  return `${run.contestant.label} ${placeOf(run)}`;
}

/** `fold 2, seed 1` */
export function placeOf({ fold, config }: PlannedRun): string {
  return `fold ${fold.index}, seed ${config.seed}`;
}
