// The inputs of a training step's graph, by the names that steps are fed under.

import { fail } from '../core/errors.ts';
import { type Field, type FieldSpace, fieldInput } from '../core/fields.ts';
import type { Shape } from '../core/shape.ts';
import { input } from '../graph/ops/leaf.ts';
import type { ClassTargets } from '../nn/losses.ts';
import type { StageBatch, TrainedStage } from './stage.ts';
import type { StageSettings } from './stage-settings.ts';

/** Names of the inputs besides uniform numbers. */
export const batchNames = {
  input: 'input',
  labels: 'labels',
  weights: 'weights',
  others: 'others',
  share: 'share',
  progress: 'progress',
} as const;

/** What of a stage's settings decides its inputs. */
export type TargetSettings = Pick<StageSettings, 'smoothing' | 'mixup' | 'cutmix'>;

/** The parts of a stage that decide what its batches have. */
export type BatchStage = Pick<TrainedStage, 'source' | 'fields'> & {
  readonly name?: string;
  readonly settings: TargetSettings;
};

export interface BatchOptions {
  /** For the shapes of fields. */
  readonly space?: FieldSpace;
  /** Told of each input that wants uniform numbers. */
  readonly drawn?: (name: string, shape: Shape) => void;
}

/**
 * A batch as a stage's graph sees it. `shape` is that of the input, [N, S, S, 3] or [N, ...features].
 */
export function stageBatch(
  stage: BatchStage,
  shape: Shape,
  { space, drawn }: BatchOptions = {},
): StageBatch {
  const { name: stageName = '', source, fields = [], settings } = stage;
  const [images] = shape;
  return {
    input: input(batchNames.input, shape, source === 'images' ? 'uint8' : 'float32'),
    targets: classTargets(images, settings),
    labels: () => {
      mustNotMix(stageName, settings);
      return input(batchNames.labels, [images], 'int64');
    },
    field: (field) => {
      if (space === undefined || !fields.includes(field)) throw unnamed(field, stageName, fields);
      return input(fieldInput(field.name), [images, ...field.shape(space)]);
    },
    uniforms: (name, of) => {
      drawn?.(name, of);
      return input(name, of);
    },
    progress: () => input(batchNames.progress, []),
  };
}

function mustNotMix(stage: string, settings: TargetSettings): void {
  for (const key of ['mixup', 'cutmix'] as const) {
    if (settings[key] === 0) continue;
    throw fail('FM_CONFIG', `stages.${stage}.${key}`, {
      expected: '0 in a stage whose loss takes each image for one of one class',
      got: String(settings[key]),
      next: 'Leave it out, or set it for another stage.',
    });
  }
}

function unnamed({ name }: Field, stage: string, fields: readonly Field[]) {
  return fail('FM_GRAPH', `stage '${stage}'`, {
    expected: `one of its fields (${fields.map((field) => field.name).join(', ') || 'it has none'})`,
    got: `'${name}'`,
    next: "Name the field in the stage's `fields`.",
  });
}

function classTargets(images: number, { smoothing, mixup, cutmix }: TargetSettings): ClassTargets {
  const labels = input(batchNames.labels, [images], 'int64');
  const weights = input(batchNames.weights, [images]);
  const others = input(batchNames.others, [images], 'int64');
  const share = input(batchNames.share, []);
  const isMixed = mixup > 0 || cutmix > 0;
  return { labels, weights, smoothing, ...(isMixed ? { mixed: { others, share } } : {}) };
}
