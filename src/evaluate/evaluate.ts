// Scores a trained model on one split of a dataset.

import { FieldmarkError, fail } from '../core/errors.ts';
import type { Dataset, Example, Split } from '../core/example.ts';
import type { ProgressEvent } from '../core/progress.ts';
import { type LeftOut, raiseProblems, tellLeftOut, withoutBad } from '../data/bad-images.ts';
import { checkImages } from '../data/check.ts';
import { copiesInSplit } from '../data/copies.ts';
import { indicesOfNames } from '../data/datasets/class-names.ts';
import { firstNames } from '../data/datasets/left-out.ts';
import { cutOf, type FoldChoice, type HoldOutChoice } from '../data/folds.ts';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import { type OpenedImages, openTrainedImages } from '../data/trained-images.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { passOverImages } from '../recognise/image-pass.ts';
import type { Manifest } from '../recognise/manifest.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import { scaleOutputs } from '../recognise/recogniser-graph.ts';
import { type Firsts, retrievalOf } from './retrieval.ts';
import { countSeenOf, imagesToScore } from './scored-images.ts';
import { mustBeUnseen } from './seen-words.ts';
import { type Evaluation, summarise } from './summary.ts';
import { openUnseen } from './unseen-data.ts';

export interface EvaluateOptions {
  readonly data: string;
  readonly format?: string;
  /**
   * Default: `test` where it has images, else `val`. Data without splits of which the model has seen next to
   * nothing are `test` as a whole.
   */
  readonly split?: Split;
  /** Cross-validation: the splits are those of this fold (`foldDataset`). */
  readonly fold?: FoldChoice;
  /** The run's own test part, for data without a test split (`holdOutTest`). */
  readonly holdOut?: HoldOutChoice;
  /** Scores photographs that the model was trained on, too, under a warning. Default: refused. */
  readonly includeTrained?: boolean;
  /** Also let each image query the others by its embedding, if they are not too many. */
  readonly retrieval?: boolean;
  /** Score without the images that cannot be used, instead of refusing the split. */
  readonly skipBad?: boolean;
  /** Images with more pixels cannot be used. Default: 256 million. */
  readonly maxPixels?: number;
  /** Threads that decode images. Default: 1. */
  readonly workers?: number;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Notes on the dataset: what was understood and left out, copies of training images. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface EvaluationRun {
  readonly evaluation: Evaluation;
  readonly dataset: Dataset;
  readonly examples: readonly Example[];
  /** The model's label of each: its classes may be spelt and ordered otherwise than the dataset's. */
  readonly labels: readonly number[];
  /** [n, K], row by row in the order of the examples. */
  readonly logits: Float32Array;
  /** With `retrieval`: of each image. */
  readonly firsts?: Firsts;
  /** With `skipBad`: what was not scored. */
  readonly leftOut?: LeftOut;
}

/** Images that query one another, and numbers of their embeddings: each takes 400 MB at most. */
const MOST_QUERIES = 1e4;
const MOST_NUMBERS = 1e8;

/**
 * Runs the model over a split. Classes are matched by name, so their order may differ. Throws FM_RUN
 * where a fold is no longer the one that the model was trained on, and FM_USAGE where the photographs are
 * those that it was trained on.
 */
export async function evaluateModel(
  recogniser: Recogniser,
  options: EvaluateOptions,
): Promise<EvaluationRun> {
  const { manifest } = recogniser;
  const opened = await openImages(options, manifest);
  for (const note of opened.dataset.notes ?? []) options.onNote?.(note);
  const split = options.split ?? (hasTest(opened.dataset) ? 'test' : 'val');
  const { dataset, leftOut } = await leaveBadOut(opened, split, options);
  const examples = await imagesToScore(dataset, split, manifest);
  const seen = await countSeenOf(examples, manifest);
  if (seen !== null && !options.includeTrained) {
    const heldBack = manifest.trained.heldBack !== undefined;
    mustBeUnseen(seen, { split, heldBack, ownCut: cutOf(options) !== undefined });
  }
  const labelOf = matchClasses(dataset, manifest);
  if (options.onNote !== undefined && options.fold === undefined && split !== 'train') {
    for (const note of await copiesInSplit(dataset, split)) options.onNote(note);
  }
  checkBoxes(examples, dataset, recogniser.geometry);
  const k = manifest.classes.length;
  const logits = new Float32Array(examples.length * k);
  const embeddings: Float32Array[] = [];
  const wantsRetrieval = options.retrieval === true && examples.length <= MOST_QUERIES;
  const scales = new Map<string, Float32Array>();
  const pass = passOverImages(
    recogniser.session,
    examples,
    {
      geometry: recogniser.geometry,
      workers: options.workers ?? 1,
      maxPixels: options.maxPixels,
      task: `evaluating ${split}`,
      progress: options.onProgress ?? (() => {}),
      pause: () => options.signal?.throwIfAborted(),
    },
    (i, outputs) => {
      logits.set(outputs.logits.data as Float32Array, i * k);
      const embedding = outputs.embedding.data as Float32Array;
      const fits = embedding.length * examples.length <= MOST_NUMBERS;
      if (wantsRetrieval && fits) embeddings.push(embedding);
      for (const [name, { data }] of Object.entries(scaleOutputs(outputs))) {
        if (!scales.has(name)) scales.set(name, new Float32Array(logits.length));
        scales.get(name)!.set(data as Float32Array, i * k);
      }
    },
  );
  await pass.catch((cause) => tellAll(cause, examples, options));
  const labels = examples.map(({ label }) => labelOf[label]);
  const figures = summarise({
    logits,
    scales,
    labels,
    classes: manifest.classes,
    hierarchy: manifest.hierarchy,
    temperature: manifest.temperature,
    split,
    ids: examples.map(({ id }) => id),
  });
  const summary = { ...figures, seen };
  const scored = { dataset, examples, labels, logits, leftOut };
  if (embeddings.length === 0) return { evaluation: summary, ...scored };
  const { firsts, ...retrieval } = await retrievalOf(embeddings, labels, manifest.hierarchy);
  return { evaluation: { ...summary, retrieval }, ...scored, firsts };
}

/** Other photographs than the run's, or the run's with the splits that it was trained with. */
async function openImages(
  options: EvaluateOptions,
  { trained, classes }: Manifest,
): Promise<OpenedImages> {
  const other =
    options.fold === undefined ? await openUnseen(options, trained.seen, classes) : undefined;
  if (other !== undefined) return { dataset: other, problems: [] };
  return await openTrainedImages(options, trained.heldBack, classes);
}

/** With `skipBad`, the dataset without what cannot be used of the split, or of what it is cut from. */
async function leaveBadOut(
  { dataset, problems: known }: OpenedImages,
  split: Split,
  { skipBad, maxPixels, signal }: EvaluateOptions,
): Promise<{ dataset: Dataset; leftOut?: LeftOut }> {
  if (!skipBad) return { dataset };
  const of = (wanted: Split) => dataset.examples.filter((example) => example.split === wanted);
  const images = split === 'val' && of('val').length === 0 ? of('train') : of(split);
  const options = { cacheFolder: cacheFolder('images'), maxPixels, signal };
  const { problems } = await checkImages(images, options);
  const leftOut = await tellLeftOut([...known, ...problems]);
  return { dataset: withoutBad(dataset, problems), leftOut };
}

/** An image that fails is seldom the only one: all that do are told before the work is given up. */
async function tellAll(
  cause: unknown,
  examples: readonly Example[],
  { maxPixels, signal }: EvaluateOptions,
): Promise<never> {
  if (cause instanceof FieldmarkError && cause.code === 'FM_IMAGE') {
    const options = { cacheFolder: cacheFolder('images'), maxPixels, signal };
    await raiseProblems((await checkImages(examples, options)).problems);
  }
  throw cause;
}

function hasTest({ examples }: Dataset): boolean {
  return examples.some(({ split }) => split === 'test');
}

/** A model that was trained within boxes is scored within boxes. */
function checkBoxes(
  examples: readonly Example[],
  { root }: Dataset,
  { within }: EvaluationGeometry,
): void {
  const without = examples.filter(({ box }) => box === undefined).length;
  if (within === undefined || without === 0) return;
  throw fail('FM_SUPERVISION', root, {
    expected: 'a box in every image, as the model was trained within boxes',
    got: `none in ${without} of ${examples.length} images`,
    next: "Annotate boxes, or train a model on whole images (within = 'image').",
  });
}

/** For each class of the dataset, its index in the model. */
function matchClasses(dataset: Dataset, manifest: Manifest): number[] {
  const indices = indicesOfNames(dataset.classes, manifest.classes);
  const strangers = dataset.classes.filter((_, i) => indices[i] < 0);
  if (strangers.length === 0) return indices;
  throw fail('FM_DATASET', dataset.root, {
    expected: `the ${manifest.classes.length} classes that the model was trained on`,
    got: `${strangers.length} others: ${strangers.slice(0, 4).join(', ')}`,
    next: `Evaluate on data with the same class names (${firstNames(manifest.classes, 4)}).`,
  });
}
