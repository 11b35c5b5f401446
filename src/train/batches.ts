// What each step of a phase is fed: photographs through the loader, or rows of cached features.

import type { Example } from '../core/example.ts';
import { type Field, type FieldSpace, fieldInput, fieldRows } from '../core/fields.ts';
import { randomStream } from '../core/random.ts';
import type { PlannedImage, Sampler } from '../core/sampler.ts';
import { sizeOf } from '../core/shape.ts';
import { float32, type HostTensor, hostTensor, int64 } from '../core/tensor.ts';
import type { Batch } from '../data/batch.ts';
import type { AugmentationOptions } from '../data/image/augment.ts';
import { createLoader, type Loader } from '../data/loader.ts';
import { mixImages, mixRows } from '../data/mix.ts';
import { drawMix } from '../data/mix-draws.ts';
import { findSampler } from '../data/samplers/table.ts';
import type { MethodContext } from '../methods/method.ts';
import { batchNames } from '../methods/stage-batch.ts';
import type { AugmentSettings, StageSettings } from '../methods/stage-settings.ts';
import { maxPixelsOf, type RunConfig } from './config.ts';
import type { FeatureTable } from './features.ts';

/** What one step of N images is fed, by the names of `batchNames` and `fieldInput`. */
export interface StepInput {
  readonly input: HostTensor;
  /** Rows of N, but for scalars. */
  readonly fields: Readonly<Record<string, HostTensor>>;
}

export interface BatchSource {
  readonly batch: number;
  readonly stepsPerEpoch: number;
  /** Shape of the step's input, batch first. */
  readonly shape: readonly number[];
  /** The input of a step; a pure function of seed, epoch and step. */
  load(epoch: number, step: number): Promise<StepInput>;
  close(): Promise<void>;
}

/** What batches are made of. */
export interface BatchPlan {
  readonly examples: readonly Example[];
  readonly settings: StageSettings;
  readonly config: Pick<RunConfig, 'size' | 'within' | 'workers' | 'seed' | 'maxMegapixels'>;
  readonly hierarchy?: MethodContext['hierarchy'];
  /** Default: that of the settings, from the table. */
  readonly sampler?: Sampler;
  /** What they have besides images and classes. Default: nothing. */
  readonly fields?: readonly Field[];
  /** For fields. */
  readonly space?: FieldSpace;
}

/** Images of a step where there are so many. */
export function batchSize(
  settings: StageSettings,
  images: number,
  sampler: Sampler = findSampler(settings.sampler),
): number {
  return sampler.batchSize(settings.sampler, settings, images);
}

/** The images of each batch of an epoch; the last plan is kept, for it is asked for step by step. */
function planner(
  { examples, settings, config, hierarchy, sampler = findSampler(settings.sampler) }: BatchPlan,
  batch: number,
  lastShort: boolean,
): (epoch: number) => PlannedImage[][] {
  const population = { labels: examples.map(({ label }) => label), hierarchy };
  let [kept, plan]: [number, PlannedImage[][]] = [-1, []];
  return (epoch) => {
    if (epoch !== kept) {
      const draw = { batch, seed: config.seed, epoch, lastShort };
      [kept, plan] = [epoch, sampler.plan(settings.sampler, population, draw)];
    }
    return plan;
  };
}

export interface TargetOptions {
  /** How much each image counts. Default: 1. */
  readonly weights?: readonly number[];
  /** Rows of the batch; those beyond the images count nowhere. Default: as many as images. */
  readonly size?: number;
  /** What stays of each image's own class where it is mixed with the one before it. Default: all. */
  readonly share?: number;
}

/** Targets of a batch: `batchNames` says which. The first image is mixed with the last. */
export function targetsOf(
  labels: readonly number[],
  { weights = labels.map(() => 1), size = labels.length, share = 1 }: TargetOptions = {},
): Record<string, HostTensor> {
  const filled = (values: readonly number[]) =>
    Array.from({ length: size }, (_, i) => values[i] ?? 0);
  return {
    [batchNames.labels]: int64([size], filled(labels)),
    [batchNames.weights]: float32([size], filled(weights)),
    [batchNames.others]: int64([size], filled(labels.map((_, i) => labels.at(i - 1)!))),
    [batchNames.share]: float32([], [share]),
  };
}

/** All that a batch has besides its images. */
function fieldsOf(
  plan: BatchPlan,
  shown: readonly Example[],
  more: { size: number; share?: number; loaded?: Pick<Batch, 'plans' | 'masks'> },
): Record<string, HostTensor> {
  const { size, share } = more;
  const weights = shown.map(({ weight = 1 }) => weight);
  const labels = shown.map(({ label }) => label);
  return { ...targetsOf(labels, { weights, size, share }), ...fieldTensors(plan, shown, more) };
}

/** Augmented and mixed photographs. A last batch that is not full is left out. */
export function imageBatches(plan: BatchPlan): BatchSource {
  const { examples, settings, config, fields = [] } = plan;
  const batch = batchSize(settings, examples.length, plan.sampler);
  const stepsPerEpoch = Math.max(1, Math.floor(examples.length / batch));
  const total = settings.epochs * stepsPerEpoch;
  const planOf = planner(plan, batch, false);
  const masked = fields.some(({ needs }) => needs.includes('mask'));
  const view = {
    kind: 'augment' as const,
    size: config.size,
    options: augmentation(settings.augment),
  };
  const loader: Loader = createLoader({
    workers: config.workers,
    request: (index) => {
      if (index >= total) return undefined;
      const epoch = Math.floor(index / stepsPerEpoch);
      const items = planOf(epoch)[index % stepsPerEpoch].map(({ index: i, draw }) => ({
        index: i,
        draw,
        id: examples[i].id,
        path: examples[i].path,
        within: config.within === 'box' ? examples[i].box : undefined,
        ...(masked ? { mask: examples[i].maskPath } : {}),
      }));
      return { items, view, seed: config.seed, epoch, maxPixels: maxPixelsOf(config) };
    },
  });
  const shape = [batch, config.size, config.size, 3];
  return {
    batch,
    stepsPerEpoch,
    shape,
    async load(epoch, step) {
      const loaded = await loader.next(epoch * stepsPerEpoch + step);
      const { images, indices } = loaded;
      const mix = drawMix(settings, config.size, randomStream(config.seed, 'mix', epoch, step));
      if (mix !== undefined) mixImages(images, batch, config.size, mix);
      const shown = indices.map((i) => examples[i]);
      return {
        input: hostTensor('uint8', shape, images),
        fields: fieldsOf(plan, shown, { size: batch, share: mix?.share, loaded }),
      };
    },
    close: () => loader.close(),
  };
}

/** The fields of a batch of `size` rows, those that may be mixed blended as its images are. */
function fieldTensors(
  { fields = [], space }: BatchPlan,
  shown: readonly Example[],
  {
    size,
    share,
    loaded,
  }: { size: number; share?: number; loaded?: Pick<Batch, 'plans' | 'masks'> },
): Record<string, HostTensor> {
  if (space === undefined) return {};
  const tensors = fields.map((field) => {
    const rows = shown.map((example, i) =>
      field.viewless
        ? field.numbers(example, space)
        : field.numbers(example, { ...space, view: loaded!.plans[i], mask: loaded!.masks[i] }),
    );
    const data = fieldRows(field, space, rows, size);
    const shape = field.shape(space);
    if (share !== undefined) mixRows(data, shown.length, sizeOf(shape), share);
    return [fieldInput(field.name), float32([size, ...shape], data)] as const;
  });
  return Object.fromEntries(tensors);
}

function augmentation(a: AugmentSettings): AugmentationOptions {
  const { jitter, hue } = a;
  return {
    scale: a.scale,
    ratio: a.ratio,
    flip: a.flip,
    ...(jitter > 0 || hue > 0
      ? { jitter: { brightness: jitter, contrast: jitter, saturation: jitter, hue } }
      : {}),
    ...(a.erase > 0 ? { erase: { p: a.erase } } : {}),
  };
}

/**
 * Rows of cached features, mixed by mixup alone: a row has no area for CutMix. The last batch is
 * filled up with rows that count nowhere.
 */
export function featureBatches(table: FeatureTable, plan: BatchPlan): BatchSource {
  const { examples, settings, config } = plan;
  const batch = batchSize(settings, examples.length, plan.sampler);
  const width = sizeOf(table.shape);
  const shape = [batch, ...table.shape];
  const planOf = planner(plan, batch, true);
  return {
    batch,
    stepsPerEpoch: Math.ceil(examples.length / batch),
    shape,
    async load(epoch, step) {
      const indices = planOf(epoch)[step].map(({ index }) => index);
      const rows = new Float32Array(batch * width);
      indices.forEach((i, k) => {
        rows.set(table.rows[i], k * width);
      });
      const alphas = { mixup: settings.mixup, cutmix: 0 };
      const mix = drawMix(alphas, 0, randomStream(config.seed, 'mix', epoch, step));
      if (mix !== undefined) mixRows(rows, indices.length, width, mix.share);
      const shown = indices.map((i) => examples[i]);
      const fields = fieldsOf(plan, shown, { size: batch, share: mix?.share });
      return { input: float32(shape, rows), fields };
    },
    close: async () => {},
  };
}

/** Uniform numbers in [0, 1) for one step: a pure function of its keys. */
export function uniformNumbers(
  seed: number,
  stage: string,
  globalStep: number,
  name: string,
  shape: readonly number[],
): HostTensor {
  const stream = randomStream(seed, 'uniforms', stage, globalStep, name);
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => stream.uniform()),
  );
}
