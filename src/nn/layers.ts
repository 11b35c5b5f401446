// Layers: functions from values to values that ask a scope for their parameters.

import { sizeOf } from '../core/shape.ts';
import { add, mul } from '../graph/ops/arithmetic.ts';
import { type ConvOptions as Conv2dOptions, conv2d, samePads } from '../graph/ops/conv.ts';
import { gemm } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { batchNorm, channelAffine, foldNorm } from '../graph/ops/norm.ts';
import type { ParameterAttrs } from '../graph/tensor-type.ts';
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

/**
 * What happens to the stride of the last group of layers, whose map then has twice the cells a side.
 * - `stride`: it stays.
 * - `remove`: it is left out.
 * - `dilate`: it is left out, and the kernels behind it are dilated by two, so that they see what
 *   they were trained to see (Yu and Koltun 2016, arXiv 1511.07122).
 */
export type LastStage = 'stride' | 'remove' | 'dilate';

/** How a network is built; given once and passed down. */
export interface BuildOptions {
  readonly norms: NormMode;
  readonly padding: PaddingStyle;
  /** Default: `stride`. */
  readonly lastStage?: LastStage;
  /**
   * `network` (default): pooled features are what the published network gives to its classifier,
   * the last hidden layer of AlexNet and VGG included. `average`: the average of the last map.
   */
  readonly pooling?: 'network' | 'average';
  /** Dropout within the network; `name` tells its places apart. Default: none. */
  readonly dropout?: (x: Value, name: string) => Value;
}

export interface ConvNormOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly dilation?: number;
  /** On all sides. Default: half of what the kernel reaches, which keeps the size at stride 1. */
  readonly pad?: number;
  /** Of the norm. Default: 1e-5. */
  readonly epsilon?: number;
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
  const { channels, kernel, groups = 1, epsilon = EPSILON, names } = options;
  const shape = [channels, x.shape[1] / groups, kernel, kernel];
  const weight = scope.child(names[0]).parameter('weight', shape, 'weight', heFanOut(groups));
  const how = geometry(x, options, build.padding);
  const norm = normParameters(scope.child(names[1]), channels);
  if (followsBatch(norm, build)) {
    return trainedNorm(scope.child(names[1]), conv2d(x, weight, undefined, how), norm, epsilon);
  }
  // a frozen norm is a scale and a shift: folded into the kernel they cost no pass over the map
  const { scale, shift } = foldNorm(norm.scale, norm.shift, norm.mean, norm.variance, epsilon);
  const folded = mul(weight, reshape(scale, [channels, 1, 1, 1]));
  return conv2d(x, folded, shift, how);
}

/** Batch normalisation by itself, before an activation. x [N, C, H, W]. */
export function norm(scope: Scope, x: Value, build: BuildOptions, epsilon = EPSILON): Value {
  const p = normParameters(scope, x.shape[1]);
  if (followsBatch(p, build)) return trainedNorm(scope, x, p, epsilon);
  const { scale, shift } = foldNorm(p.scale, p.shift, p.mean, p.variance, epsilon);
  return channelAffine(x, scale, shift);
}

/** A convolution by itself: its parameters are right below the scope. */
export type ConvOptions = Omit<ConvNormOptions, 'names' | 'epsilon'> & {
  /** Default: false. */
  readonly bias?: boolean;
};

/** x [N, C, H, W]. */
export function conv(scope: Scope, x: Value, options: ConvOptions, build: BuildOptions): Value {
  const { channels, kernel, groups = 1, bias = false } = options;
  const shape = [channels, x.shape[1] / groups, kernel, kernel];
  const weight = scope.parameter('weight', shape, 'weight', heFanOut(groups));
  const shift = bias ? scope.parameter('bias', [channels], 'bias', filledWith(0)) : undefined;
  return conv2d(x, weight, shift, geometry(x, options, build.padding));
}

function geometry(x: Value, options: ConvOptions, padding: PaddingStyle): Conv2dOptions {
  const { kernel, stride = 1, groups = 1, dilation = 1 } = options;
  const reach = (kernel - 1) * dilation + 1;
  const pads =
    padding === 'same' && options.pad === undefined
      ? samePads([x.shape[2], x.shape[3]], [reach, reach], [stride, stride])
      : (options.pad ?? Math.floor((reach - 1) / 2));
  return { strides: stride, pads, groups, dilations: dilation };
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

/** A norm whose own parameters are kept from training keeps its statistics, too. */
function followsBatch({ scale }: NormParameters, { norms }: BuildOptions): boolean {
  return norms === 'batch' && (scale.node.attrs as ParameterAttrs).trainable;
}

function trainedNorm(scope: Scope, x: Value, p: NormParameters, epsilon: number): Value {
  const { output, mean, variance } = batchNorm(x, p.scale, p.shift, epsilon);
  const count = sizeOf(x.shape) / x.shape[1];
  const unbiased = mul(variance, count / (count - 1));
  // a layer that is used several times in a step follows each of its inputs in turn
  const follow = (name: string, stored: Value, now: Value) => {
    const old = scope.updated(name) ?? stored;
    scope.update(name, add(mul(old, 1 - MOMENTUM), mul(now, MOMENTUM)));
  };
  follow('running_mean', p.mean, mean);
  follow('running_var', p.variance, unbiased);
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
