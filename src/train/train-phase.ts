// Trains one phase of a run: opens its batches, its stepper and its validation, and loops over them.

import type { Sampler } from '../core/sampler.ts';
import { findSampler } from '../data/samplers/table.ts';
import { stageBatch } from '../methods/stage-batch.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import { isInBackbone } from '../nn/backbones/backbone.ts';
import { type ParameterSpec, Parameters } from '../nn/scope.ts';
import { chooseDevice } from '../runtime/device.ts';
import { chooseLowering } from '../runtime/probe.ts';
import { type BatchSource, featureBatches, imageBatches } from './batches.ts';
import type { Divergence } from './events.ts';
import { featuresOf, rootMeanSquareNorm } from './features.ts';
import { fieldSpace } from './field-space.ts';
import { type Phase, type PhaseHost, type PhaseState, Stopped } from './phase.ts';
import type { GroupRule } from './step-graph.ts';
import { StepLoop } from './step-loop.ts';
import { Stepper, type Uniform } from './stepper.ts';
import type { Task } from './task.ts';
import { validator } from './validation.ts';

/**
 * Trains from `state` to the end of the phase. Numbers are replaced as it goes. Where they diverge, those
 * of an epoch before are left, and what happened is returned.
 */
export async function trainPhase(
  phase: Phase,
  state: PhaseState,
  host: PhaseHost,
): Promise<Divergence | undefined> {
  const { task, store, emit } = host;
  const pause = () => {
    if (host.stopping()) throw new Stopped();
  };
  const { source, scale } = await openSource(phase, host, pause);
  const validate = await validator(phase, store, { task, emit, pause });
  const stepper = await openStepper(phase, state, host, source, scale);
  const loop = new StepLoop(phase, state, host, { source, stepper, validate, pause });
  try {
    return await loop.run();
  } finally {
    await source.close();
    await stepper.close();
    await validate?.close();
  }
}

function samplerOf({ settings }: Phase, { method }: Task): Sampler {
  return findSampler(settings.sampler, method.samplers);
}

async function openSource(phase: Phase, host: PhaseHost, pause: () => void) {
  const { task, store, emit } = host;
  const { stage, settings, examples } = phase;
  const plan = {
    examples,
    settings,
    config: task.config,
    hierarchy: task.context.hierarchy,
    sampler: samplerOf(phase, task),
    fields: stage.fields,
    space: fieldSpace(task),
  };
  if (stage.source === 'images') return { source: imageBatches(plan), scale: 1 };
  const table = await featuresOf(task, { ...phase, stage }, store, examples, emit, pause);
  const source = featureBatches(table, plan);
  return { source, scale: stage.unitRows ? 1 : rootMeanSquareNorm(table) };
}

async function openStepper(
  phase: Phase,
  state: PhaseState,
  { task, store }: PhaseHost,
  source: BatchSource,
  scale: number,
): Promise<Stepper> {
  const { stage, settings } = phase;
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
