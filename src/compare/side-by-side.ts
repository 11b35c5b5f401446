// Finished runs side by side: each is scored on the split that they share, image by image.

import { basename, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import type { Example, Split } from '../core/example.ts';
import type { ProgressEvent } from '../core/progress.ts';
import { checkImages } from '../data/check.ts';
import { openDataset } from '../data/datasets/table.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { maxPixelsOf, type RunConfig } from '../train/config.ts';
import { readRunConfig } from '../train/run-folder.ts';
import { budgetOf } from './budget.ts';
import { findingsOf } from './findings.ts';
import { factsOfImages } from './image-facts.ts';
import { alignScores, type Compared } from './result.ts';
import { scoreRun } from './scores.ts';

export interface SideBySideOptions {
  readonly runs: readonly string[];
  /** Where the data are now. Default: the folder that all of them were trained on. */
  readonly data?: string;
  readonly split: Split;
  /** Score without the images that cannot be used. Default: as the first run was trained. */
  readonly skipBad?: boolean;
  readonly maxPixels?: number;
  readonly threads?: number;
  readonly workers?: number;
  /** What was left out, with `skipBad`. */
  readonly onNote?: (text: string) => void;
  readonly onProgress?: (event: ProgressEvent) => void;
  readonly signal?: AbortSignal;
}

/** Scores every run on the same images. Throws FM_RUN where data, folds or images differ. */
export async function compareRuns(options: SideBySideOptions): Promise<Compared> {
  const { runs, split } = options;
  const configs = await Promise.all(runs.map(readRunConfig));
  const data = options.data === undefined ? undefined : resolve(options.data);
  const [first] = configs;
  configs.forEach((config, i) => {
    mustShare(runs[i], 'data', config.data, first.data);
    mustShare(runs[i], 'fold', config.fold, first.fold);
  });
  const { format, splits, oneClass } = first;
  const { examples } = await openDataset(data ?? first.data, { format, splits, oneClass });
  if (split === 'val') mustBeUnseen(examples, configs, runs);
  const { skipBad = first.skipBad, maxPixels = maxPixelsOf(first) } = options;
  const onNote = onceEach(options.onNote ?? (() => {}));
  const entries = [];
  for (const [i, folder] of runs.entries()) {
    const scores = await scoreRun(folder, {
      ...options,
      data: data ?? first.data,
      format: first.format,
      fold: first.fold,
      skipBad,
      maxPixels,
      onNote,
      onProgress: (event) =>
        options.onProgress?.({
          ...event,
          task: `${i + 1}/${runs.length} ${folder}: ${event.task}`,
        }),
    });
    entries.push({ label: labels(runs)[i], baseline: false, scores: [[scores]] });
  }
  const scored = new Set(entries[0].scores[0][0].ids);
  const shown = examples.filter(({ id }) => scored.has(id));
  const { hashes } = await checkImages(shown, { cacheFolder: cacheFolder('images') });
  return {
    answered: alignScores(entries, factsOfImages(shown, hashes)),
    runs: entries.map(({ label }, i) => ({ label, folders: [runs[i]] })),
    folderOf: (contestant) => runs[contestant],
    failed: [],
    findings: await findingsOf(entries.map(({ label }, i) => ({ label, folder: runs[i] }))),
    budgets: await Promise.all(runs.map((run) => budgetOf([run]))),
  };
}

/** Every run is scored on the same dataset, which is told about once. */
function onceEach(onNote: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (!said.has(text)) onNote(text);
    said.add(text);
  };
}

/** The shortest names that tell the folders apart: the last parts of their paths. */
function labels(runs: readonly string[]): string[] {
  const names = runs.map((run) => basename(resolve(run)));
  return new Set(names).size === names.length ? names : [...runs];
}

function mustShare(run: string, key: keyof RunConfig, got: unknown, expected: unknown): void {
  if (isDeepStrictEqual(got, expected)) return;
  throw fail('FM_RUN', run, {
    expected: `the ${key} of the first run (${JSON.stringify(expected ?? 'none')})`,
    got: JSON.stringify(got ?? 'none'),
    next: 'Compare runs that were trained on the same data and the same split.',
  });
}

/** Held-out images on which a run was trained again after choosing say nothing. */
function mustBeUnseen(
  examples: readonly Example[],
  configs: readonly RunConfig[],
  runs: readonly string[],
): void {
  const refitted = runs.find((_, i) => configs[i].refit);
  const { fold } = configs[0];
  const official = fold === undefined && examples.some((example) => example.split === 'val');
  if (refitted === undefined || official) return;
  throw fail('FM_RUN', refitted, {
    expected: "a run that has not trained on the images of '--split val'",
    got: 'one with refit, which has: they were held out of train',
    next: 'Compare on --split test.',
  });
}
