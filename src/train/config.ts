// The configuration of a run: everything that is needed to repeat it.

import { z } from 'zod';
import { divisorsOf } from '../core/divisors.ts';
import { fail } from '../core/errors.ts';
import type { Sampler, SamplerOptions } from '../core/sampler.ts';
import type { FoldChoice, HoldOutChoice } from '../data/folds.ts';
import { findSampler } from '../data/samplers/table.ts';
import { type InputOptions, inputOptions } from '../hub/input-options.ts';
import { defaultWeights } from '../hub/known-weights.ts';
import { type TrunkOptions, trunkOptions, trunkPath } from '../hub/trunk-options.ts';
import type { AugmentSettings, StageSettings } from '../methods/stage-settings.ts';
import { type NetworkOptions, publishedNetwork } from '../nn/backbones/backbone.ts';
import type { OptimiserOptions } from '../nn/optimisers.ts';
import type { ScheduleOptions } from '../nn/schedules.ts';
import {
  type DeviceChoice,
  deviceChoices,
  type LoweringChoice,
  loweringChoices,
} from '../runtime/choices.ts';

const count = z.number().int().positive();
const share = z.number().min(0).max(1);

const optimiser: z.ZodType<OptimiserOptions> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('sgd'),
    momentum: z.number().min(0).max(1).default(0.9),
    nesterov: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('adamw'),
    beta1: z.number().min(0).max(1).default(0.9),
    beta2: z.number().min(0).max(1).default(0.999),
    epsilon: z.number().positive().default(1e-8),
  }),
]);

const warmup = z.number().min(0).default(0);
const schedule: z.ZodType<ScheduleOptions> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), warmup }),
  z.strictObject({
    kind: z.literal('step'),
    warmup,
    at: z.array(z.number().positive()),
    factor: z.number().positive().default(0.1),
  }),
  z.strictObject({ kind: z.literal('cosine'), warmup, floor: share.default(0) }),
  z.strictObject({
    kind: z.literal('plateau'),
    warmup,
    watch: z.enum(['loss', 'top1']).default('loss'),
    factor: z.number().positive().lt(1).default(0.1),
    patience: z.number().int().min(0).default(3),
    threshold: z.number().min(0).default(1e-4),
    cooldown: z.number().int().min(0).default(0),
    floor: share.default(0),
  }),
]);

const augment: z.ZodType<Partial<AugmentSettings>> = z
  .strictObject({
    scale: z.tuple([share, share]),
    ratio: z.tuple([z.number().positive(), z.number().positive()]),
    flip: share,
    jitter: z.number().min(0),
    hue: z.number().min(0).max(0.5),
    erase: share,
  })
  .partial();

const network: z.ZodType<NetworkOptions> = z.strictObject({
  lastStage: z.enum(['stride', 'remove', 'dilate']).default(publishedNetwork.lastStage),
  pooling: z.enum(['network', 'average']).default(publishedNetwork.pooling),
  freeze: z.number().int().min(0).default(publishedNetwork.freeze),
});

const fold: z.ZodType<FoldChoice> = z
  .strictObject({
    count: count.min(2),
    index: count,
    seed: z.number().int().min(0).default(0),
  })
  .refine(({ index, count: folds }) => index <= folds, 'index must be from 1 to count');

const heldOut: z.ZodType<HoldOutChoice> = z.strictObject({
  share: z.number().gt(0).lt(1),
  seed: z.number().int().min(0).default(0),
});

/** Some of an object's fields; which ones are allowed is checked against the whole, later. */
const part: z.ZodType<Record<string, unknown>> = z.record(z.string(), z.unknown());

/** What may be set for a stage; whatever is absent keeps the method's default. */
export interface StageOverrides
  extends Partial<Omit<StageSettings, 'augment' | 'optimiser' | 'schedule' | 'sampler'>> {
  /** Laid over the default where the kind is the same. */
  readonly optimiser?: Readonly<Record<string, unknown>>;
  readonly schedule?: Readonly<Record<string, unknown>>;
  readonly sampler?: Readonly<Record<string, unknown>>;
  readonly augment?: Partial<AugmentSettings>;
}

const stageOverrides: z.ZodType<StageOverrides> = z
  .strictObject({
    epochs: count,
    batch: count,
    accumulate: count,
    rate: z.number().positive(),
    headFactor: z.number().min(0),
    decay: z.number().min(0),
    optimiser: part,
    schedule: part,
    sampler: part,
    clip: z.number().min(0),
    smoothing: share,
    ema: z.number().min(0).lt(1),
    mixup: z.number().min(0),
    cutmix: z.number().min(0),
    augment,
  })
  .partial();

/** The configuration as it is written to `config.json`. */
export interface RunConfig {
  /** Folder of the dataset. */
  readonly data: string;
  /** Dataset format; found out when absent. */
  readonly format?: string;
  /** `none`: of class folders, those in the root are the classes, whatever their names. */
  readonly splits?: 'auto' | 'none';
  /** Trains although there is a single class. */
  readonly oneClass?: boolean;
  /** Cross-validation: all images are pooled, and those of this fold are the test split. */
  readonly fold?: FoldChoice;
  /** A share of each class that is kept back to test on, for data without a test split. */
  readonly holdOut?: HoldOutChoice;
  readonly method: string;
  /** The method's own options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** A network by its name, or `onnx:FILE` for a frozen one in an ONNX file. */
  readonly backbone: string;
  /** How the file of `onnx:FILE` is used. */
  readonly trunk: TrunkOptions;
  /** What weights or trunk expect of images, where a person says it. */
  readonly input: InputOptions;
  readonly network: NetworkOptions;
  /** A weights file, a name that leads to one (docs/weights.md), or `none` for random numbers. */
  readonly weights: string;
  /** Fetches nothing: what is not in the cache is an error. */
  readonly offline: boolean;
  /** Side of the square that the network sees, in pixels. */
  readonly size: number;
  /** How evaluation cuts the square: a centre crop, or the whole image squashed. */
  readonly view: 'centre-crop' | 'squash';
  /** What of an image is seen: all of it, or its annotated box alone. */
  readonly within: 'image' | 'box';
  /** The last stage to run, or `all`. */
  readonly stages: string;
  /** Epochs of the whole network: of the stages that train it, or of the last where none does. */
  readonly epochs?: number;
  readonly seed: number;
  /** After choosing on the validation images, train again on train and validation together. */
  readonly refit: boolean;
  readonly norms: 'auto' | 'frozen' | 'batch';
  /** Threads of the engine; decides the last bits of the result. */
  readonly threads?: number;
  /** Where training steps run. */
  readonly device: DeviceChoice;
  /** How training steps are written; decides the last bits of the result. */
  readonly lowering: LoweringChoice;
  /** Worker threads that decode images. */
  readonly workers: number;
  /** Leaves images out that cannot be used, instead of refusing the dataset. Written when true. */
  readonly skipBad?: boolean;
  /** The most megapixels that an image may have. Written when given. */
  readonly maxMegapixels?: number;
  /** Seconds between checkpoints within an epoch; one is also written after each epoch. */
  readonly checkpointEvery: number;
  /** Settings of stages, by name; `stages.<name>.<field>` in files and in --set. */
  readonly stage: Readonly<Record<string, StageOverrides>>;
}

/** A configuration as a person gives it: everything but `data` may be left out. */
export type RunConfigInput = Pick<RunConfig, 'data'> & Partial<RunConfig>;

const givenConfig = z.strictObject({
  data: z.string().min(1),
  format: z.string().optional(),
  splits: z.enum(['auto', 'none']).optional(),
  oneClass: z.boolean().optional(),
  fold: fold.optional(),
  holdOut: heldOut.optional(),
  method: z.string().default('finetune'),
  options: z.record(z.string(), z.unknown()).default({}),
  backbone: z.string().optional(),
  trunk: trunkOptions.default({}),
  input: inputOptions.default({}),
  network: network.default(publishedNetwork),
  weights: z.string().min(1).optional(),
  offline: z.boolean().default(false),
  size: z.number().int().min(32).max(2048).optional(),
  view: z.enum(['centre-crop', 'squash']).default('centre-crop'),
  within: z.enum(['image', 'box']).default('image'),
  stages: z.string().default('all'),
  epochs: count.optional(),
  seed: z.number().int().min(0).default(0),
  refit: z.boolean().default(false),
  norms: z.enum(['auto', 'frozen', 'batch']).default('auto'),
  threads: count.optional(),
  device: z.enum(deviceChoices).default('cpu'),
  lowering: z.enum(loweringChoices).default('auto'),
  workers: z.number().int().min(0).max(64).default(1),
  skipBad: z.boolean().optional(),
  maxMegapixels: z.number().positive().optional(),
  checkpointEvery: z.number().positive().default(60),
  stage: z.record(z.string(), stageOverrides).default({}),
});

/** Without trained weights a small network on small images is what a person's patience allows. */
const runConfig: z.ZodType<RunConfig> = givenConfig
  .refine(({ fold, holdOut }) => fold === undefined || holdOut === undefined, {
    message: 'a fold holds images back already: leave it or holdOut out',
    path: ['holdOut'],
  })
  .transform(({ skipBad, ...config }) => {
    const backbone =
      config.backbone ?? (config.weights === 'none' ? 'resnet_tiny' : 'mobilenet_v2');
    const isTrunk = trunkPath(backbone) !== undefined;
    const weights = config.weights ?? defaultWeights(backbone)?.name ?? 'none';
    const small = weights === 'none' && !isTrunk;
    const size = config.size ?? (small ? 112 : 224);
    return { ...config, backbone, weights, size, ...(skipBad ? { skipBad } : {}) };
  });

/** Checks a configuration; the error names the key. */
export function parseConfig(input: unknown, where = 'configuration'): RunConfig {
  const result = runConfig.safeParse(renameStages(input));
  if (result.success) return result.data;
  throw invalid(where, result.error.issues[0]);
}

/** The most pixels that an image of the run may have; undefined for the default. */
export function maxPixelsOf({ maxMegapixels }: Pick<RunConfig, 'maxMegapixels'>) {
  return maxMegapixels === undefined ? undefined : maxMegapixels * 1e6;
}

/** `stages.all.epochs` sets a stage's settings, while `stages` alone says how far to go. */
function renameStages(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const { stages, ...rest } = input as Record<string, unknown>;
  if (typeof stages !== 'object' || stages === null) return input;
  return { ...rest, stage: stages };
}

/**
 * A stage's settings with a person's wishes laid over the method's defaults; `own`: the method's own
 * samplers.
 */
export function stageSettings(
  name: string,
  defaults: StageSettings,
  overrides: StageOverrides = {},
  own: readonly Sampler[] = [],
): StageSettings {
  const { augment: wished, optimiser: opt, schedule: plan, sampler: which, ...rest } = overrides;
  const where = `stages.${name}`;
  const settings = {
    ...defaults,
    ...rest,
    optimiser: merged(`${where}.optimiser`, optimiser, defaults.optimiser, opt),
    schedule: merged(`${where}.schedule`, schedule, defaults.schedule, plan),
    sampler: samplerOf(where, defaults, { ...rest, sampler: which }, own),
    augment: { ...defaults.augment, ...wished },
  };
  mustDivide(where, settings, findSampler(settings.sampler, own));
  return settings;
}

/** The default sampler, made to fit a batch that a person has changed, or the one that is asked for. */
function samplerOf(
  where: string,
  defaults: StageSettings,
  wished: StageOverrides,
  own: readonly Sampler[],
): SamplerOptions {
  const now = { batch: defaults.batch, accumulate: defaults.accumulate, ...wished };
  const same = now.batch === defaults.batch && now.accumulate === defaults.accumulate;
  const usual = findSampler(defaults.sampler, own);
  const fitted = same
    ? defaults.sampler
    : (usual.fit?.(defaults.sampler, defaults, now) ?? defaults.sampler);
  const kind = String(wished.sampler?.kind ?? fitted.kind);
  const { options } = findSampler({ kind }, own);
  return merged(`${where}.sampler`, options, fitted, wished.sampler);
}

function mustDivide(
  where: string,
  { batch, accumulate, sampler }: StageSettings,
  { unit }: Sampler,
): void {
  const samples = unit(sampler);
  if (batch % accumulate === 0 && (batch / accumulate) % samples !== 0) {
    throw fail('FM_CONFIG', `${where}.sampler.samples`, {
      expected: `a divisor of the ${batch / accumulate} images of a pass`,
      got: String(samples),
      next: `Use ${oneOf(divisorsOf(batch / accumulate).filter((n) => n > 1))}another batch.`,
    });
  }
  if (batch % accumulate === 0) return;
  throw fail('FM_CONFIG', `${where}.accumulate`, {
    expected: `a divisor of ${where}.batch, which is ${batch}`,
    got: String(accumulate),
    next: `Use ${oneOf(divisorsOf(batch))}another batch.`,
  });
}

/** `one of 2, 4, or `; nothing where there is none. */
function oneOf(numbers: readonly number[]): string {
  if (numbers.length === 0) return '';
  return `${numbers.length > 1 ? 'one of ' : ''}${numbers.join(', ')}, or `;
}

/** Fields laid over a default of the same kind; another kind starts from its own defaults. */
function merged<T extends { readonly kind: string }>(
  where: string,
  schema: z.ZodType<T>,
  value: T,
  override: Readonly<Record<string, unknown>> | undefined,
): T {
  if (override === undefined) return value;
  const same = override.kind === undefined || override.kind === value.kind;
  const result = schema.safeParse(same ? { ...value, ...override } : override);
  if (result.success) return result.data;
  throw invalid(where, result.error.issues[0]);
}

function invalid(where: string, issue: z.core.$ZodIssue) {
  return fail('FM_CONFIG', [where, ...issue.path].join('.'), {
    expected: 'a valid value',
    got: issue.message,
    next: 'docs/configuration.md has every key.',
  });
}
