// How much memory a training step will take, said before it takes it.

import { freemem } from 'node:os';
import { divisorsOf } from '../core/divisors.ts';
import { sizeOf } from '../core/shape.ts';
import { bytesPerElement } from '../core/tensor.ts';
import { parameterOp } from '../graph/ops/leaf.ts';
import { topologicalOrder, type Value } from '../graph/value.ts';
import type { Emit } from './events.ts';

/** Share of the forward pass's values that the engine really keeps: it fuses activations. */
const KEPT = 0.8;
/**
 * A parameter exists as itself, its gradient, its optimiser state, and the new two; where gradients
 * are added up, as itself, its state, its gradient, the sum and the new sum.
 */
const COPIES = 5;
/** And its average twice. */
const AVERAGES = 2;
/** What the process needs besides the step. */
const BASE = 300e6;

/** What decides the memory of a step besides its graph. */
export interface StepShape {
  /** Images of a step: the configured batch, or all there are. */
  readonly batch: number;
  /** Passes of a step; the loss is that of one pass. */
  readonly accumulate: number;
  readonly ema: number;
}

/**
 * Bytes of a training process whose steps make `passes` passes, given the loss of a pass of
 * `batch / accumulate` images. Against measured peaks at batch 32, 224 pixels: MobileNetV2 6 to 14 %
 * too high with frozen norms, up to 30 % with norms that train; ResNet-18, whose kernels of 3x3 are
 * unrolled, up to 20 % too low.
 */
export function estimateStepBytes(loss: Value, step: StepShape, passes = step.accumulate): number {
  let values = 0;
  let parameters = 0;
  for (const { op, outputs } of topologicalOrder([loss])) {
    for (const { shape, dtype } of outputs) {
      const bytes = sizeOf(shape) * bytesPerElement[dtype];
      if (op.name === parameterOp.name) parameters += bytes;
      else values += bytes;
    }
  }
  return KEPT * values * (step.accumulate / passes) + stateBytes(parameters, step.ema) + BASE;
}

/** Bytes of parameters with all that training keeps of each. */
export function stateBytes(parameters: number, ema: number): number {
  return (COPIES + (ema > 0 ? AVERAGES : 0)) * parameters;
}

/** `1.4 GB`. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * Notes the estimate, and what to do when the machine has less than that free: the advice must
 * divide the `configured` batch, which may be larger than that of the step.
 */
export function reportMemory(
  loss: Value,
  stage: string,
  step: StepShape,
  emit: Emit,
  configured = step.batch,
  free = freemem(),
): void {
  const needed = estimateStepBytes(loss, step);
  if (needed < 0.5e9) return;
  const passes = step.accumulate === 1 ? '' : ` in ${step.accumulate} passes`;
  emit.note(
    `stage '${stage}' at batch ${step.batch}${passes} needs about ${gigabytes(needed)} of memory`,
  );
  if (needed < free) return;
  const more = divisorsOf(configured).filter((n) => n > step.accumulate && n <= step.batch);
  const enough = more.find((passes) => estimateStepBytes(loss, step, passes) < free) ?? more.at(-1);
  const advice =
    enough === undefined
      ? 'a smaller --size or backbone'
      : `--set stages.${stage}.accumulate=${enough} (${Math.ceil(step.batch / enough)} images a pass)`;
  emit.note(`only ${gigabytes(free)} are free: if it fails, try ${advice}`);
}
