// Layers: functions from values to values that ask a scope for their parameters.

import { sizeOf } from '../core/shape.ts';
import { add, mul } from '../graph/ops/arithmetic.ts';
import { conv2d, samePads } from '../graph/ops/conv.ts';
import { gemm } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { batchNorm, foldNorm } from '../graph/ops/norm.ts';
import type { Value } from '../graph/value.ts';
import { filledWith, heFanOut, normal } from './initialisers.ts';
import type { Initialiser, Scope } from './scope.ts';

/**
 * How norms behave in the graph being built.
 * - `frozen`: the stored statistics are used and never change; scale and shift may train.
 * - `batch`: statistics of the batch are used, and the stored ones follow them.
 */
export type NormMode = 'frozen' | 'batch';

/** `torch`: the same padding on all sides; `same`: TensorFlow's SAME, odd pixel at the bottom right. */
export type PaddingStyle = 'torch' | 'same';

/** How a network is built; given once and passed down. */
export interface BuildOptions {
  readonly norms: NormMode;
  readonly padding: PaddingStyle;
}

export interface ConvNormOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Names of the convolution and of the norm below the scope. */
  readonly names: readonly [conv: string, norm: string];
}

const EPSILON = 1e-5;
/** Weight of the newest batch in running statistics (torch's momentum). */
const MOMENTUM = 0.1;

/** Convolution without bias followed by batch normalisation. x [N, C, H, W]. */
export function convNorm(
  scope: Scope,
  x: Value,
  options: ConvNormOptions,
  build: BuildOptions,
): Value {
  const { channels, kernel, stride = 1, groups = 1, names } = options;
  const shape = [channels, x.shape[1] / groups, kernel, kernel];
  const weight = scope.child(names[0]).parameter('weight', shape, 'weight', heFanOut(groups));
  const half = Math.floor((kernel - 1) / 2);
  const pads =
    build.padding === 'same'
      ? samePads([x.shape[2], x.shape[3]], [kernel, kernel], [stride, stride])
      : half;
  const conv = { strides: stride, pads, groups };
  const norm = normParameters(scope.child(names[1]), channels);
  if (build.norms === 'batch') {
    return trainedNorm(scope.child(names[1]), conv2d(x, weight, undefined, conv), norm);
  }
  // a frozen norm is a scale and a shift: folded into the kernel they cost no pass over the map
  const { scale, shift } = foldNorm(norm.scale, norm.shift, norm.mean, norm.variance, EPSILON);
  const folded = mul(weight, reshape(scale, [channels, 1, 1, 1]));
  return conv2d(x, folded, shift, conv);
}

interface NormParameters {
  readonly scale: Value;
  readonly shift: Value;
  readonly mean: Value;
  readonly variance: Value;
}

function normParameters(scope: Scope, channels: number): NormParameters {
  return {
    scale: scope.parameter('weight', [channels], 'normScale', filledWith(1)),
    shift: scope.parameter('bias', [channels], 'normShift', filledWith(0)),
    mean: scope.parameter('running_mean', [channels], 'statistic', filledWith(0)),
    variance: scope.parameter('running_var', [channels], 'statistic', filledWith(1)),
  };
}

function trainedNorm(scope: Scope, x: Value, p: NormParameters): Value {
  const { output, mean, variance } = batchNorm(x, p.scale, p.shift, EPSILON);
  const count = sizeOf(x.shape) / x.shape[1];
  const unbiased = mul(variance, count / (count - 1));
  const follow = (old: Value, now: Value) => add(mul(old, 1 - MOMENTUM), mul(now, MOMENTUM));
  scope.update('running_mean', follow(p.mean, mean));
  scope.update('running_var', follow(p.variance, unbiased));
  return output;
}

/** x [N, D] to [N, units]: x W' + b, with W [units, D] as torch keeps it. */
export function linear(
  scope: Scope,
  x: Value,
  units: number,
  initialiser: Initialiser = normal(0.01),
): Value {
  const weight = scope.parameter('weight', [units, x.shape[1]], 'weight', initialiser);
  const bias = scope.parameter('bias', [units], 'bias', filledWith(0));
  return gemm(x, weight, bias, { transB: true });
}
