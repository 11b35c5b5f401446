// The inputs of a training step's graph, by the names that steps are fed under.

import type { Shape } from '../core/shape.ts';
import { input } from '../graph/ops/leaf.ts';
import type { ClassTargets } from '../nn/losses.ts';
import type { Stage, StageBatch, StageSettings } from './method.ts';

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

/**
 * A batch as a stage's graph sees it. `shape` is that of the input, [N, S, S, 3] or [N, ...features];
 * `drawn` is told of each input that wants uniform numbers.
 */
export function stageBatch(
  { source, settings }: Pick<Stage, 'source'> & { readonly settings: TargetSettings },
  shape: Shape,
  drawn: (name: string, shape: Shape) => void = () => {},
): StageBatch {
  return {
    input: input(batchNames.input, shape, source === 'images' ? 'uint8' : 'float32'),
    targets: classTargets(shape[0], settings),
    uniforms: (name, of) => {
      drawn(name, of);
      return input(name, of);
    },
    progress: () => input(batchNames.progress, []),
  };
}

function classTargets(images: number, { smoothing, mixup, cutmix }: TargetSettings): ClassTargets {
  const labels = input(batchNames.labels, [images], 'int64');
  const weights = input(batchNames.weights, [images]);
  const others = input(batchNames.others, [images], 'int64');
  const share = input(batchNames.share, []);
  const isMixed = mixup > 0 || cutmix > 0;
  return { labels, weights, smoothing, ...(isMixed ? { mixed: { others, share } } : {}) };
}
