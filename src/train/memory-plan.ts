// What every stage of a run will need of the memory, said before anything is trained; what can never
// fit is refused there.

import { freemem } from 'node:os';
import { fail } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { findSampler } from '../data/samplers/table.ts';
import type { TrainedStage } from '../methods/stage.ts';
import { stageBatch } from '../methods/stage-batch.ts';
import { imageInput } from '../nn/image-input.ts';
import { Parameters } from '../nn/scope.ts';
import { batchSize } from './batches.ts';
import type { Emit } from './events.ts';
import { fieldSpace } from './field-space.ts';
import { estimateStepBytes, gigabytes, reportMemory, stateBytes } from './memory.ts';
import type { Phase } from './phase.ts';
import type { Task } from './task.ts';

/** The two parts of what a stage holds from its first to its last step, in bytes. */
export interface HeldBytes {
  /** Parameters that train, with gradients, optimiser state and averages. */
  readonly parameters: number;
  /** Cached features of all images. */
  readonly features: number;
}

/**
 * Reports what the phases need, in their order. FM_CONFIG where parameters or features alone are
 * more than the `free` bytes: there no number of passes would help.
 */
export function planMemory(
  phases: readonly Phase[],
  task: Pick<Task, 'config' | 'context' | 'method' | 'train' | 'val'>,
  emit: Emit,
  free = freemem(),
): void {
  const { config, train, val, method } = task;
  for (const { stage, settings, examples, ownNetwork } of phases) {
    const batch = batchSize(
      settings,
      examples.length,
      findSampler(settings.sampler, method.samplers),
    );
    const row = rowShape(stage, config.size);
    const parameters = new Parameters(stage.trains);
    const shape = [batch / settings.accumulate, ...row];
    const fed = stageBatch({ ...stage, settings }, shape, { space: fieldSpace(task) });
    const { loss } = stage.loss(parameters.root(), fed);
    const trained = parameters.trainable().reduce((sum, { spec }) => sum + sizeOf(spec.shape), 0);
    // a cache on disk is read as a whole, that of the validation images too
    const twice = val.length > 0 && !ownNetwork;
    const images = (train.length + val.length) * (twice ? 2 : 1);
    const held = {
      parameters: stateBytes(4 * trained, settings.ema),
      features: stage.source === 'features' ? 4 * sizeOf(row) * images : 0,
    };
    const step = { batch, accumulate: settings.accumulate, ema: settings.ema };
    mustFit(stage.name, held, { free, lighter: method.lighter?.(task.context, stage.name) });
    if (stage.source === 'images') {
      reportMemory(loss, stage.name, step, emit, settings.batch, free);
    } else reportFeatures(stage.name, held, estimateStepBytes(loss, step), emit);
  }
}

/** Shape of one image's share of a batch: pixels, or a row of features. */
function rowShape(stage: TrainedStage, size: number): readonly number[] {
  if (stage.source === 'images') return [size, size, 3];
  return stage.features(new Parameters().root(), imageInput(1, size)).shape.slice(1);
}

/** Throws where the stage can never run. */
export function mustFit(
  name: string,
  { parameters, features }: HeldBytes,
  { free, lighter }: { readonly free: number; readonly lighter?: string },
): void {
  if (parameters + features <= free) return;
  const parts = [
    `${gigabytes(parameters)} of parameters with their optimiser state`,
    ...(features > 0 ? [`${gigabytes(features)} of cached features`] : []),
  ];
  throw fail('FM_CONFIG', `memory of the stage '${name}'`, {
    expected: `at most the ${gigabytes(free)} that are free`,
    got: parts.join(' and '),
    next: lighter ?? 'Take a smaller --size or --backbone, or free some memory.',
  });
}

function reportFeatures(stage: string, held: HeldBytes, step: number, emit: Emit): void {
  const total = held.features + step;
  if (total < 0.5e9) return;
  const { features, parameters } = held;
  emit.note(
    `stage '${stage}' needs about ${gigabytes(total)} of memory: ${gigabytes(features)} of cached ` +
      `features, ${gigabytes(parameters)} of parameters with their optimiser state`,
  );
}
