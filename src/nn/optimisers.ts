// Optimisers as graph: parameter, gradient and state in, new parameter and new state out.

import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { minimum } from '../graph/ops/compare.ts';
import { sumOfSquares } from '../graph/ops/matmul.ts';
import { sqrt, tanh } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';

export interface SgdOptions {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly nesterov: boolean;
}

/** Loshchilov and Hutter 2019 (arXiv 1711.05101). */
export interface AdamWOptions {
  readonly kind: 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export type OptimiserOptions = SgdOptions | AdamWOptions;

/** What one update reads besides the parameter and its gradient. */
export interface UpdateInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  /** One value per name in `stateNames`, shaped like the parameter. */
  readonly state: readonly Value[];
  /** Learning rate of this parameter's group, a scalar. */
  readonly rate: Value;
  readonly decay: number;
  /** 1-based number of this step, a float scalar; AdamW corrects its bias with it. */
  readonly step: Value;
}

export interface Update {
  readonly parameter: Value;
  readonly state: readonly Value[];
}

/** Names of the state tensors that each parameter carries. */
export function stateNames(options: OptimiserOptions): readonly string[] {
  if (options.kind === 'adamw') return ['mean', 'square'];
  return options.momentum === 0 ? [] : ['momentum'];
}

export function optimiserUpdate(options: OptimiserOptions, inputs: UpdateInputs): Update {
  return options.kind === 'sgd' ? sgd(options, inputs) : adamw(options, inputs);
}

/** torch.optim.SGD: g += decay p; v = momentum v + g; p -= rate (nesterov ? g + momentum v : v). */
function sgd({ momentum, nesterov }: SgdOptions, inputs: UpdateInputs): Update {
  const { parameter, state, rate, decay } = inputs;
  const gradient = decay === 0 ? inputs.gradient : add(inputs.gradient, mul(parameter, decay));
  if (momentum === 0) return { parameter: sub(parameter, mul(gradient, rate)), state: [] };
  const velocity = add(mul(state[0], momentum), gradient);
  const direction = nesterov ? add(gradient, mul(velocity, momentum)) : velocity;
  return { parameter: sub(parameter, mul(direction, rate)), state: [velocity] };
}

/** torch.optim.AdamW: decoupled decay, bias-corrected moments. */
function adamw({ beta1, beta2, epsilon }: AdamWOptions, inputs: UpdateInputs): Update {
  const { parameter, gradient, state, rate, decay, step } = inputs;
  const mean = add(mul(state[0], beta1), mul(gradient, 1 - beta1));
  const square = add(mul(state[1], beta2), mul(mul(gradient, gradient), 1 - beta2));
  const corrected = div(mean, biasCorrection(beta1, step));
  const scale = add(sqrt(div(square, biasCorrection(beta2, step))), epsilon);
  const decayed = decay === 0 ? parameter : sub(parameter, mul(parameter, mul(rate, decay)));
  return {
    parameter: sub(decayed, mul(rate, div(corrected, scale))),
    state: [mean, square],
  };
}

/**
 * 1 - beta^step, as 2 t / (1 + t) with t = tanh(-step ln(beta) / 2): the same number, but in
 * float32 the difference from 1 would lose four of seven digits in the first steps at beta 0.999.
 */
function biasCorrection(beta: number, step: Value): Value {
  const t = tanh(mul(step, -Math.log(beta) / 2));
  return div(mul(t, 2), add(t, 1));
}

/** Gradients scaled so that their common l2 norm is at most `limit` (torch's clip_grad_norm_). */
export function clipByGlobalNorm(
  gradients: readonly Value[],
  limit: number,
): { gradients: Value[]; norm: Value } {
  const norm = globalNorm(gradients);
  const scale = minimum(div(limit, add(norm, 1e-6)), 1);
  return { gradients: gradients.map((g) => mul(g, scale)), norm };
}

/** l2 norm over all tensors together, a scalar. */
export function globalNorm(values: readonly Value[]): Value {
  return sqrt(values.map(sumOfSquares).reduce((total, square) => add(total, square)));
}

/**
 * Exponential moving average of a tensor after its update: average + (1 - d) (value - average), with
 * d = min(decay, (1 + step) / (10 + step)) for the 1-based `step`, a float scalar. The average of
 * weights is Polyak and Juditsky's (1992, SIAM J. Control Optim. 30(4)) with exponential weights; the
 * warm-up, by which the first weights are soon forgotten, is that of TensorFlow's
 * ExponentialMovingAverage with `num_updates`.
 */
export function movingAverage(average: Value, value: Value, decay: number, step: Value): Value {
  const warm = div(add(step, 1), add(step, 10));
  return add(average, mul(sub(value, average), sub(1, minimum(warm, decay))));
}
