// The configuration of a run: everything that is needed to repeat it.

import { z } from 'zod';
import { fail } from '../core/errors.ts';
import type { StageSettings } from '../methods/method.ts';

const count = z.number().int().positive();
const share = z.number().min(0).max(1);

const optimiser = z.discriminatedUnion('kind', [
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
const schedule = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('constant'), warmup }),
  z.strictObject({
    kind: z.literal('step'),
    warmup,
    at: z.array(z.number().positive()),
    factor: z.number().positive().default(0.1),
  }),
  z.strictObject({ kind: z.literal('cosine'), warmup, floor: share.default(0) }),
]);

const augment = z.strictObject({
  scale: z.tuple([share, share]),
  ratio: z.tuple([z.number().positive(), z.number().positive()]),
  flip: share,
  jitter: z.number().min(0),
  hue: z.number().min(0).max(0.5),
  erase: share,
});

/** What may be set for a stage; whatever is absent keeps the method's default. */
const stageOverrides = z
  .strictObject({
    epochs: count,
    batch: count,
    rate: z.number().positive(),
    headFactor: z.number().min(0),
    decay: z.number().min(0),
    optimiser,
    schedule,
    clip: z.number().min(0),
    smoothing: share,
    augment: augment.partial(),
  })
  .partial();

export type StageOverrides = z.infer<typeof stageOverrides>;

/** The configuration as it is written to `config.json`. */
export const runConfig = z.strictObject({
  /** Folder of the dataset. */
  data: z.string().min(1),
  /** Dataset format; found out when absent. */
  format: z.string().optional(),
  method: z.string().default('finetune'),
  /** The method's own options. */
  options: z.record(z.string(), z.unknown()).default({}),
  backbone: z.string().default('mobilenet_v2'),
  /** A weights file, or `none` for random numbers. */
  weights: z.string().default('none'),
  /** Side of the square that the network sees, in pixels. */
  size: z.number().int().min(32).max(2048).default(224),
  /** How evaluation cuts the square: a centre crop, or the whole image squashed. */
  view: z.enum(['centre-crop', 'squash']).default('centre-crop'),
  /** The last stage to run, or `all`. */
  stages: z.string().default('all'),
  /** Epochs of the last stage. */
  epochs: count.optional(),
  seed: z.number().int().min(0).default(0),
  /** After choosing on the validation images, train again on train and validation together. */
  refit: z.boolean().default(false),
  norms: z.enum(['auto', 'frozen', 'batch']).default('auto'),
  /** Threads of the engine; decides the last bits of the result. */
  threads: count.optional(),
  /** Worker threads that decode images. */
  workers: z.number().int().min(0).max(64).default(1),
  /** Seconds between checkpoints within an epoch; one is also written after each epoch. */
  checkpointEvery: z.number().positive().default(60),
  stage: z.record(z.string(), stageOverrides).default({}),
});

export type RunConfig = z.infer<typeof runConfig>;
/** A configuration as a person gives it: everything but `data` may be left out. */
export type RunConfigInput = z.input<typeof runConfig>;

/** Checks a configuration; the error names the key. */
export function parseConfig(input: unknown, where = 'configuration'): RunConfig {
  const result = runConfig.safeParse(renameStages(input));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fail('FM_CONFIG', `${where}: ${issue.path.join('.') || 'top level'}`, {
    expected: 'a valid value',
    got: issue.message,
    next: "See 'fieldmark train --help' and docs/configuration.md.",
  });
}

/** `stages.all.epochs` sets a stage's settings, while `stages` alone says how far to go. */
function renameStages(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const { stages, ...rest } = input as Record<string, unknown>;
  if (typeof stages !== 'object' || stages === null) return input;
  return { ...rest, stage: stages };
}

/** A stage's settings with a person's wishes laid over the method's defaults. */
export function stageSettings(
  defaults: StageSettings,
  overrides: StageOverrides = {},
): StageSettings {
  const { augment: wished, ...rest } = overrides;
  return { ...defaults, ...rest, augment: { ...defaults.augment, ...wished } };
}
