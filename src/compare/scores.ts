// What a trained run answers on images that it was not shown, kept beside the run: a comparison that
// is continued does not score its runs again.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split } from '../core/example.ts';
import type { ProgressEvent } from '../core/progress.ts';
import { leftOutInWords } from '../data/bad-images.ts';
import type { FoldChoice } from '../data/folds.ts';
import { evaluateModel } from '../evaluate/evaluate.ts';
import type { Firsts } from '../evaluate/retrieval.ts';
import { answersOf, softmax } from '../evaluate/scores.ts';
import type { Evaluation } from '../evaluate/summary.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import { loadRecogniser } from '../recognise/load-recogniser.ts';
import { readManifest } from '../recognise/open-model.ts';
import { loadCheckpoint } from '../train/checkpoint.ts';
import { runPaths } from '../train/run-folder.ts';

/** Answers of one run; the columns have one entry for each image. */
export interface RunScores {
  /** SHA-256 of the model. */
  readonly model: string;
  readonly split: Split;
  readonly fold?: FoldChoice;
  readonly classes: readonly string[];
  readonly ids: readonly string[];
  /** Absolute paths of the images. */
  readonly paths: readonly string[];
  /** Indices into `classes`. */
  readonly truths: readonly number[];
  readonly answers: readonly number[];
  /** Calibrated probabilities of the answers. */
  readonly confidences: readonly number[];
  /** Null where descriptors are too large to compare, or no image has another of its class. */
  readonly retrieval: { readonly queries: number; readonly recallAt1: number } | null;
  /** Whether the nearest other image is of an image's class; absent where `retrieval` is null. */
  readonly firsts?: Firsts;
  /** Seconds of training; null for runs that did not count them. */
  readonly seconds: number | null;
}

/** What a run is scored on, and with what. */
export interface ScoringOptions {
  readonly data: string;
  readonly format?: string;
  readonly split: Split;
  readonly fold?: FoldChoice;
  readonly skipBad?: boolean;
  readonly maxPixels?: number;
  readonly threads?: number;
  readonly workers?: number;
  /** With `skipBad`: what was not scored. */
  readonly onNote?: (text: string) => void;
  readonly onProgress?: (event: ProgressEvent) => void;
  readonly signal?: AbortSignal;
}

/** The run's scores: as they were kept, where the model and the images are still the same. */
export async function scoresOf(
  folder: string,
  options: ScoringOptions,
  ids: readonly string[],
): Promise<RunScores> {
  const path = scoresPath(folder);
  const kept = await readScores(path);
  const { sha256 } = await readManifest(runPaths(folder).model);
  const same = kept?.model === sha256 && kept.split === options.split && isComplete(kept);
  if (same && kept.ids.join('\n') === ids.join('\n')) return kept;
  const scores = await scoreRun(folder, options);
  await writeAtomic(path, `${JSON.stringify(scores)}\n`);
  return scores;
}

/** Older files have shares of what was found, and not which images found it. */
function isComplete({ retrieval, firsts }: RunScores): boolean {
  return retrieval === null || firsts !== undefined;
}

/** Runs a model over the images of a split. */
export async function scoreRun(folder: string, options: ScoringOptions): Promise<RunScores> {
  const { split, fold, threads } = options;
  const recogniser = await loadRecogniser(folder, { threads });
  try {
    const { manifest } = recogniser;
    const { classes, temperature } = manifest;
    const found = await evaluateModel(recogniser, { ...options, retrieval: true });
    if (found.leftOut && found.leftOut.count > 0) {
      options.onNote?.(`not scored: ${leftOutInWords(found.leftOut)}`);
    }
    const answers = Array.from(answersOf(found.logits, classes.length));
    const probabilities = softmax(found.logits, classes.length, temperature);
    return {
      model: manifest.sha256,
      split,
      fold,
      classes,
      ids: found.examples.map(({ id }) => id),
      paths: found.examples.map(({ path }) => path),
      truths: found.labels,
      answers,
      confidences: answers.map((answer, i) => probabilities[i * classes.length + answer]),
      retrieval: recallOf(found.evaluation),
      firsts: found.firsts,
      seconds: (await loadCheckpoint(runPaths(folder).checkpoint))?.progress.seconds ?? null,
    };
  } finally {
    await recogniser.close();
  }
}

function recallOf({ retrieval }: Evaluation): RunScores['retrieval'] {
  if (retrieval === undefined || retrieval.queries === 0) return null;
  return { queries: retrieval.queries, recallAt1: retrieval.recall[1] };
}

function scoresPath(folder: string): string {
  return join(folder, 'scores.json');
}

/** What was kept; a file that cannot be read is no file. */
async function readScores(path: string): Promise<RunScores | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as RunScores;
  } catch {
    return undefined;
  }
}
