// The runs that a comparison is made of, and what must be true before the first of them starts.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { Dataset } from '../core/example.ts';
import { leftOutInWords, raiseProblems, tellLeftOut, withoutBad } from '../data/bad-images.ts';
import { checkImages } from '../data/check.ts';
import { openDataset } from '../data/datasets/table.ts';
import { type FoldChoice, foldDataset } from '../data/folds.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { maxPixelsOf, type RunConfig, type RunConfigInput } from '../train/config.ts';
import type { Emit } from '../train/events.ts';
import { checkPlan, stageNames, stageOfEpochs, stagesOf } from '../train/plan.ts';
import { prepareTask } from '../train/prepare-task.ts';
import { type Recipe, recipeOf } from '../train/recipe.ts';
import { type ImageHashes, mustHaveTwoClasses, trainingImages } from '../train/task-images.ts';
import { settleConfig } from '../train/train.ts';
import { type Contestant, configOf, folderName, withoutStrangeStages } from './contestant.ts';

/** One training run of a comparison. */
export interface PlannedRun {
  readonly contestant: Contestant;
  /** Number of the repetition, from 0. */
  readonly repetition: number;
  readonly fold: FoldChoice;
  readonly folder: string;
  readonly config: RunConfig;
  /** SHA-256 of the weights that it starts from, as their file is now; undefined without any. */
  readonly weights: string | undefined;
  readonly recipe: Recipe;
}

/** How often, and on which folds. */
export interface Rounds {
  readonly folds: number;
  readonly foldSeed: number;
  /** Repetitions; each has a seed of its own, and the folds stay. */
  readonly seeds: number;
}

/** The images of the dataset, cut into folds. */
export interface Folds {
  readonly dataset: Dataset;
  /** Ids of each fold's images, in the order of the dataset. */
  readonly ids: readonly (readonly string[])[];
  /** SHA-256 of each image's bytes, by id. */
  readonly hashes: ImageHashes;
  /** Training images of each class beside each fold. */
  readonly trainImages: readonly (readonly number[])[];
}

/** Reads and checks all images, and cuts them. */
export async function openFolds(
  config: Pick<RunConfig, 'data' | 'format' | 'splits' | 'oneClass' | 'skipBad' | 'maxMegapixels'>,
  { folds: count, foldSeed: seed }: Rounds,
  emit: Emit,
  signal: AbortSignal,
): Promise<Folds & { fingerprint: string }> {
  const { data, format, splits, oneClass } = config;
  const opened = await openDataset(data, { format, splits, oneClass });
  for (const note of opened.notes ?? []) emit.note(note);
  mustHaveTwoClasses(opened, oneClass);
  const { hashes, problems } = await checkImages(opened.examples, {
    cacheFolder: cacheFolder('images'),
    maxPixels: maxPixelsOf(config),
    signal,
    onProgress: (done, total) => emit.progress({ task: 'checking images', done, total }),
  });
  if (!config.skipBad) await raiseProblems(problems);
  else if (problems.length > 0) emit.note(leftOutInWords(await tellLeftOut(problems)));
  const dataset = withoutBad(opened, problems);
  const cuts = Array.from({ length: count }, (_, i) =>
    foldDataset(dataset, { count, index: i + 1, seed }, hashes),
  );
  const trainImages = cuts.map(trainingImages);
  mustTrainClasses(cuts, trainImages);
  const ids = cuts.map(({ examples }) =>
    examples.flatMap(({ id, split }) => (split === 'test' ? [id] : [])),
  );
  const hash = createHash('sha256').update(JSON.stringify(ids));
  for (const { id, label } of dataset.examples) hash.update(`\n${id} ${label} ${hashes.get(id)}`);
  return { dataset, ids, hashes, trainImages, fingerprint: hash.digest('hex') };
}

/** A class whose images are all in one fold cannot train there: told now, not after the other folds. */
function mustTrainClasses(cuts: readonly Dataset[], counts: Folds['trainImages']): void {
  for (const [i, cut] of cuts.entries()) {
    const without = cut.classes.filter((_, label) => counts[i][label] === 0);
    if (without.length === 0) continue;
    throw fail('FM_DATASET', cut.root, {
      expected: 'training images of every class beside every fold',
      got: `none beside fold ${i + 1} of ${without.length}: ${without.slice(0, 5).join(', ')}`,
      next: 'Add images to these classes (groups and equal images count as one), or remove them.',
    });
  }
}

/** Refuses to go on in a folder whose runs were trained on other images or folds. */
export async function holdToImages(out: string, fingerprint: string): Promise<void> {
  const path = join(out, 'plan.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    await writeAtomic(path, `${JSON.stringify({ images: fingerprint })}\n`);
    return;
  }
  if (text.includes(fingerprint)) return;
  throw fail('FM_RUN', out, {
    expected: 'the images, labels and folds that this comparison was started with',
    got: 'others',
    next: 'Put the data, --folds and --fold-seed back as they were, or choose another --out.',
  });
}

/**
 * All runs, in the order in which they are trained: fold by fold, so that what is there early is
 * there for every contestant. Each contestant is set up once, and what is wrong is told now.
 */
export async function planRuns(
  out: string,
  contestants: readonly Contestant[],
  common: RunConfigInput,
  rounds: Rounds,
  { trainImages }: Pick<Folds, 'trainImages'>,
  emit: Emit,
  signal: AbortSignal,
): Promise<PlannedRun[]> {
  const entries: Entry[] = [];
  for (const contestant of contestants) {
    entries.push(await checkedEntry(contestant, common, rounds, emit, signal));
  }
  mustFindStages(
    common,
    entries.map(({ config }) => config),
  );
  tellOfEpochs(contestants, entries, common, emit);
  const runs: PlannedRun[] = [];
  for (let repetition = 0; repetition < rounds.seeds; repetition++) {
    for (let index = 1; index <= rounds.folds; index++) {
      contestants.forEach((contestant, i) => {
        const { config: first, weights, recipeFor } = entries[i];
        const fold = { count: rounds.folds, index, seed: rounds.foldSeed };
        const folder = join(out, folderName(contestant.label, repetition), `fold-${index}`);
        const config = { ...first, fold, seed: first.seed + repetition };
        const recipe = recipeFor(trainImages[index - 1]);
        runs.push({ contestant, repetition, fold, folder, config, weights, recipe });
      });
    }
  }
  return runs;
}

/** What a contestant is trained with in the first fold, and what setting it up has shown. */
interface Entry extends Pick<PlannedRun, 'config' | 'weights'> {
  /** The stage that `epochs` decide about. */
  readonly ofEpochs: string;
  /** What it does beside a fold that leaves so many images of each class. */
  readonly recipeFor: (imagesOfClass: readonly number[]) => Recipe;
}

async function checkedEntry(
  contestant: Contestant,
  common: RunConfigInput,
  { folds, foldSeed }: Rounds,
  emit: Emit,
  signal: AbortSignal,
): Promise<Entry> {
  const fold = { count: folds, index: 1, seed: foldSeed };
  const input = { ...configOf(contestant, common), fold };
  const config = await settleConfig(input, undefined, emit.note);
  const task = await prepareTask(config, emit, signal);
  const fitting = withoutStrangeStages(config, contestant, stageNames(task));
  const fitted = { ...task, config: fitting };
  checkPlan(fitted, emit);
  const ofEpochs = stageOfEpochs(stagesOf(fitted)).name;
  const weights = (task.trunk ?? task.weights)?.hash;
  const recipeFor = (imagesOfClass: readonly number[]) =>
    recipeOf({ ...fitted, context: { ...fitted.context, imagesOfClass } });
  return { config: fitting, weights, ofEpochs, recipeFor };
}

/** Common epochs are those of the last stage for whoever does not train the network. */
function tellOfEpochs(
  contestants: readonly Contestant[],
  entries: readonly Entry[],
  { epochs }: RunConfigInput,
  emit: Emit,
): void {
  const labels = new Map<string, string[]>();
  for (const [i, { config, ofEpochs }] of entries.entries()) {
    // a probe, and whoever has epochs of its own, do not take the common ones
    const takes = config.epochs !== undefined && contestants[i].own.epochs === undefined;
    if (takes) labels.set(ofEpochs, [...(labels.get(ofEpochs) ?? []), contestants[i].label]);
  }
  if (epochs === undefined || labels.size < 2) return;
  const each = [...labels].map(([stage, names]) => `'${stage}' of ${names.join(', ')}`);
  emit.note(
    `epochs ${epochs} are those of the whole network, which not all train: ` +
      `${each.join('; ')}. Epochs of its own stand behind a method, as in 'scda:epochs=100'`,
  );
}

/** A setting for a stage that nobody has is a slip of the pen. */
function mustFindStages(common: RunConfigInput, configs: readonly RunConfig[]): void {
  const lost = Object.keys(common.stage ?? {}).find((name) =>
    configs.every(({ stage }) => stage[name] === undefined),
  );
  if (lost === undefined) return;
  throw fail('FM_CONFIG', `stages.${lost}`, {
    expected: 'settings of a stage that one of the methods has',
    got: `'${lost}'`,
    next: "See 'fieldmark methods'.",
  });
}
