// The inputs of a training step's graph, by the names that steps are fed under.

import type { Shape } from '../core/shape.ts';
import { input } from '../graph/ops/leaf.ts';
import type { Stage, StageBatch } from './method.ts';

/** Names of the inputs besides uniform numbers. */
export const batchNames = {
  input: 'input',
  targets: 'targets',
  labels: 'labels',
  progress: 'progress',
} as const;

/**
 * A batch as a stage's graph sees it. `shape` is that of the input, [N, S, S, 3] or [N, ...features];
 * `drawn` is told of each input that wants uniform numbers.
 */
export function stageBatch(
  { source }: Pick<Stage, 'source'>,
  shape: Shape,
  classes: number,
  drawn: (name: string, shape: Shape) => void = () => {},
): StageBatch {
  const [images] = shape;
  return {
    input: input(batchNames.input, shape, source === 'images' ? 'uint8' : 'float32'),
    targets: input(batchNames.targets, [images, classes]),
    labels: () => input(batchNames.labels, [images, classes]),
    uniforms: (name, of) => {
      drawn(name, of);
      return input(name, of);
    },
    progress: () => input(batchNames.progress, []),
  };
}
