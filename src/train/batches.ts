// What each step of a part is fed: photographs through the loader, or rows of cached features.

import type { Example } from '../core/example.ts';
import { randomStream } from '../core/random.ts';
import { sizeOf } from '../core/shape.ts';
import { float32, type HostTensor, hostTensor, int64 } from '../core/tensor.ts';
import { type PlannedImage, planBalancedEpoch, planEpoch } from '../data/batch.ts';
import type { AugmentationOptions } from '../data/image/augment.ts';
import { createLoader, type Loader } from '../data/loader.ts';
import { mixImages, mixRows } from '../data/mix.ts';
import { drawMix } from '../data/mix-draws.ts';
import type { AugmentSettings, MethodContext, StageSettings } from '../methods/method.ts';
import type { RunConfig } from './config.ts';
import type { FeatureTable } from './features.ts';

/** Input and targets of one step of N images. */
export interface StepInput {
  readonly input: HostTensor;
  /** Class of each image, int64 [N]; 0 where its weight is. */
  readonly labels: HostTensor;
  /** How much each counts, [N]: 0 for rows that fill the batch up. */
  readonly weights: HostTensor;
  /** Class of the image that each is mixed with, int64 [N], and what stays of itself, a scalar. */
  readonly others: HostTensor;
  readonly share: HostTensor;
}

/** The targets of a batch of `size` rows, of which the first have labels; `share`: of mixed rows. */
export function targetsOf(
  labels: readonly number[],
  size = labels.length,
  share = 1,
): Omit<StepInput, 'input'> {
  const filled = (values: readonly number[]) =>
    Array.from({ length: size }, (_, i) => values[i] ?? 0);
  // each row is mixed with the one before it, the first with the last
  const others = labels.map((_, i) => labels.at(i - 1)!);
  return {
    labels: int64([size], filled(labels)),
    weights: float32([size], filled(labels.map(() => 1))),
    others: int64([size], filled(others)),
    share: float32([], [share]),
  };
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

/** What the labels are about. */
export type LabelSpace = Pick<MethodContext, 'hierarchy'>;

/**
 * Images of a step: at most as many as there are, and as many in each pass. Balanced batches are
 * always full, with further views where there are too few images.
 */
export function batchSize({ batch, accumulate, sampler }: StageSettings, images: number): number {
  if (sampler.kind === 'balanced') return batch;
  return Math.floor(Math.min(batch, images) / accumulate) * accumulate;
}

interface PlanOptions extends Pick<LabelSpace, 'hierarchy'> {
  readonly settings: StageSettings;
  readonly seed: number;
}

/** The images of each batch of an epoch, the same number of batches in every epoch. */
function planOfEpoch(
  examples: readonly Example[],
  batch: number,
  { settings: { sampler }, hierarchy, seed }: PlanOptions,
  epoch: number,
): PlannedImage[][] {
  if (sampler.kind === 'balanced') {
    const labels = examples.map(({ label }) => label);
    const { samples, siblings } = sampler;
    const parents = hierarchy?.at(-1)?.ofClass;
    return planBalancedEpoch(labels, { batch, samples, siblings, parents }, seed, epoch);
  }
  const plan = planEpoch(examples.length, batch, seed, epoch, { dropLast: true });
  return plan.map((indices) => indices.map((index) => ({ index, draw: 0 })));
}

/** Augmented and mixed photographs. A last batch that is not full is left out. */
export function imageBatches(
  examples: readonly Example[],
  settings: StageSettings,
  config: RunConfig,
  { hierarchy }: LabelSpace = {},
): BatchSource {
  const batch = batchSize(settings, examples.length);
  const stepsPerEpoch = Math.max(1, Math.floor(examples.length / batch));
  const total = settings.epochs * stepsPerEpoch;
  const plans = new Map<number, PlannedImage[][]>();
  const planOf = (epoch: number): PlannedImage[][] => {
    let plan = plans.get(epoch);
    if (plan === undefined) {
      plans.clear();
      plan = planOfEpoch(examples, batch, { settings, hierarchy, seed: config.seed }, epoch);
      plans.set(epoch, plan);
    }
    return plan;
  };
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
      }));
      return { items, view, seed: config.seed, epoch };
    },
  });
  const shape = [batch, config.size, config.size, 3];
  return {
    batch,
    stepsPerEpoch,
    shape,
    async load(epoch, step) {
      const { images, indices } = await loader.next(epoch * stepsPerEpoch + step);
      const labels = indices.map((i) => examples[i].label);
      const plan = drawMix(settings, config.size, randomStream(config.seed, 'mix', epoch, step));
      if (plan !== undefined) mixImages(images, batch, config.size, plan);
      const targets = targetsOf(labels, batch, plan?.share);
      return { input: hostTensor('uint8', shape, images), ...targets };
    },
    close: () => loader.close(),
  };
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
export function featureBatches(
  table: FeatureTable,
  examples: readonly Example[],
  settings: StageSettings,
  seed: number,
): BatchSource {
  const batch = batchSize(settings, examples.length);
  const width = sizeOf(table.shape);
  const shape = [batch, ...table.shape];
  return {
    batch,
    stepsPerEpoch: Math.ceil(examples.length / batch),
    shape,
    async load(epoch, step) {
      const indices = planEpoch(examples.length, batch, seed, epoch)[step];
      const rows = new Float32Array(batch * width);
      indices.forEach((i, k) => {
        rows.set(table.rows[i], k * width);
      });
      const labels = indices.map((i) => examples[i].label);
      const alphas = { mixup: settings.mixup, cutmix: 0 };
      const plan = drawMix(alphas, 0, randomStream(seed, 'mix', epoch, step));
      if (plan !== undefined) mixRows(rows, indices.length, width, plan.share);
      return { input: float32(shape, rows), ...targetsOf(labels, batch, plan?.share) };
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
