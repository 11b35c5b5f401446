// One part of a run: one stage trained over some images, with its validation and checkpoints.

import type { Example } from '../core/example.ts';
import type { Sampler } from '../core/sampler.ts';
import type { HostTensor } from '../core/tensor.ts';
import { findSampler } from '../data/samplers/table.ts';
import type { StageSettings } from '../methods/method.ts';
import type { TrainedStage } from '../methods/stage.ts';
import { stageBatch } from '../methods/stage-batch.ts';
import { isInBackbone } from '../nn/backbones/backbone.ts';
import type { PlateauState } from '../nn/schedules.ts';
import { type ParameterNumbers, type ParameterSpec, Parameters } from '../nn/scope.ts';
import { chooseDevice } from '../runtime/device.ts';
import { chooseLowering } from '../runtime/probe.ts';
import { type BatchSource, featureBatches, imageBatches } from './batches.ts';
import type { BestEpoch } from './checkpoint.ts';
import type { Divergence } from './divergence.ts';
import type { Emit } from './events.ts';
import { featuresOf, rootMeanSquareNorm } from './features.ts';
import { fieldSpace } from './field-space.ts';
import type { MetricsLog } from './run-folder.ts';
import type { GroupRule } from './step-graph.ts';
import { StepLoop } from './step-loop.ts';
import { Stepper, type Uniform } from './stepper.ts';
import type { Task } from './task.ts';
import { validator } from './validation.ts';

/** Thrown when a person asked to stop. The trainer writes a checkpoint before it goes further. */
export class Stopped extends Error {}

export interface Part {
  readonly stage: TrainedStage;
  readonly settings: StageSettings;
  readonly examples: readonly Example[];
  /** An earlier part has trained on images, so that the network is this run's own. */
  readonly ownNetwork: boolean;
  /** Trains on train and validation together, with no choice to make. */
  readonly refit: boolean;
  /** In a refit under `plateau`: multipliers of the rate in each epoch, found before. */
  readonly factors?: readonly number[];
}

/** Where a part stands; written to checkpoints, mutated as it goes. */
export interface PartState {
  epoch: number;
  step: number;
  lossSum: number;
  best: BestEpoch | null;
  bestNumbers: Map<string, HostTensor>;
  /** Of the schedule `plateau`; null under the others, and before the first epoch's end. */
  plateau: PlateauState | null;
  /** Optimiser state and averages by input name; empty before the first step. */
  optimiser: Map<string, HostTensor>;
}

export interface PartHost {
  readonly task: Task;
  /**
   * The network as it is; written through `put` and `drop` only. While steps run it lacks what they
   * carry: it is complete before validation, checkpoints and the end of the part.
   */
  readonly store: ParameterNumbers;
  /** Replaces a parameter's numbers, and notes that they differ from the fresh network's. */
  put(path: string, tensor: HostTensor): void;
  /** Lets go of numbers that a step is about to replace, until they are `put` again. */
  drop(path: string): void;
  readonly metrics: MetricsLog;
  readonly emit: Emit;
  /** Writes a checkpoint of the whole run. */
  save(): Promise<void>;
  /** True when a person asked to stop. */
  stopping(): boolean;
}

/**
 * Trains from `state` to the end of the part. Numbers are replaced as it goes. Where they diverge, those
 * of an epoch before are left, and what happened is returned.
 */
export async function trainPart(
  part: Part,
  state: PartState,
  host: PartHost,
): Promise<Divergence | undefined> {
  const { task, store, emit } = host;
  const pause = () => {
    if (host.stopping()) throw new Stopped();
  };
  const { source, scale } = await openSource(part, host, pause);
  const validate = await validator(part, store, { task, emit, pause });
  const stepper = await openStepper(part, state, host, source, scale);
  const loop = new StepLoop(part, state, host, { source, stepper, validate, pause });
  try {
    return await loop.run();
  } finally {
    await source.close();
    await stepper.close();
    await validate?.close();
  }
}

function samplerOf({ settings }: Part, { method }: Task): Sampler {
  return findSampler(settings.sampler, method.samplers);
}

async function openSource(part: Part, host: PartHost, pause: () => void) {
  const { task, store, emit } = host;
  const { stage, settings, examples } = part;
  const plan = {
    examples,
    settings,
    config: task.config,
    hierarchy: task.context.hierarchy,
    sampler: samplerOf(part, task),
    fields: stage.fields,
    space: fieldSpace(task),
  };
  if (stage.source === 'images') return { source: imageBatches(plan), scale: 1 };
  const table = await featuresOf(task, { ...part, stage }, store, examples, emit, pause);
  const source = featureBatches(table, plan);
  return { source, scale: stage.unitRows ? 1 : rootMeanSquareNorm(table) };
}

async function openStepper(
  part: Part,
  state: PartState,
  { task, store }: PartHost,
  source: BatchSource,
  scale: number,
): Promise<Stepper> {
  const { stage, settings } = part;
  const passes = settings.accumulate;
  const [batch, ...rest] = source.shape;
  const images = batch / passes;
  const uniforms: Uniform[] = [];
  const parameters = new Parameters(stage.trains);
  const fed = stageBatch({ ...stage, settings }, [images, ...rest], {
    space: fieldSpace(task),
    drawn: (name, shape) => uniforms.push({ name, shape }),
  });
  const { loss, metrics } = stage.loss(parameters.root(), fed);
  const graph = {
    loss,
    metrics,
    parameters,
    store,
    optimiser: settings.optimiser,
    group: (spec: ParameterSpec) => groupOf(spec, settings, scale),
    clip: settings.clip > 0 ? settings.clip : undefined,
    ema: settings.ema,
    lowering: await chooseLowering(task.config.lowering),
  };
  const { threads, device } = task.config;
  const options = { graph, passes, uniforms, threads, device: await chooseDevice(device) };
  return await Stepper.open(options, (name) => state.optimiser.get(name) ?? store.get(name));
}

/**
 * Rate and decay of a parameter. A classifier on features of norm s is trained as if they had norm
 * one, W = V / s. With SGD a rate r and decay d for V become r / s^2 and d s^2 for W; AdamW's steps do
 * not depend on the gradient's scale, so there they are r / s and d s.
 */
function groupOf(spec: ParameterSpec, settings: StageSettings, scale: number): GroupRule {
  const inBackbone = isInBackbone(spec.path);
  const factor = inBackbone ? 1 : settings.headFactor;
  if (spec.role !== 'weight') return { rateFactor: factor, decay: 0 };
  const stretch = settings.optimiser.kind === 'adamw' ? scale : scale * scale;
  return { rateFactor: factor / stretch, decay: settings.decay * stretch };
}
