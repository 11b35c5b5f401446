// Per-channel scale and shift, and batch normalisation with batch statistics
// (Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1).

import { sizeOf } from '../../core/shape.ts';
import { graphError } from '../tensor-type.ts';
import { apply, applyMany, type Op, type Value } from '../value.ts';
import { add, div, mul, sub } from './arithmetic.ts';
import { reshape } from './movement.ts';
import { sum } from './sum.ts';
import { sqrt } from './unary.ts';

/** x [N, C, H, W] times scale [C], plus shift [C] where there is one. */
export const channelAffineOp: Op<null> = {
  name: 'channelAffine',
  infer: ([x, scale]) => {
    if (scale.shape.join() !== String(x.shape[1])) {
      throw graphError(
        'channelAffine',
        `a scale of [${x.shape[1]}]`,
        `[${scale.shape.join(', ')}]`,
      );
    }
    return [x];
  },
  vjp: (node, [g], needed) => {
    const [x, scale] = node.inputs;
    if (g === undefined) return [];
    return [
      needed[0] ? channelScale(g, scale) : undefined,
      needed[1] ? sum(mul(g, x), [0, 2, 3]) : undefined,
      needed[2] ? sum(g, [0, 2, 3]) : undefined,
    ];
  },
  portable: (b, node, [x, scale, shift]) => {
    const column = b.ints([node.inputs[1].shape[0], 1, 1]);
    const scaled = b.op('Mul', [x, b.op('Reshape', [scale, column])]);
    if (shift === undefined) return [scaled];
    return [b.op('Add', [scaled, b.op('Reshape', [shift, column])])];
  },
  reference: ([x, scale, shift]) => {
    const area = x.shape[2] * x.shape[3];
    const channel = (i: number) => Math.floor(i / area) % x.shape[1];
    return [x.data.map((v, i) => v * scale.data[channel(i)] + (shift?.data[channel(i)] ?? 0))];
  },
};

/**
 * Inputs x, scale, shift. Outputs the normalised y, the batch mean [C], the biased batch
 * variance [C] and the centred input. Only y may be differentiated through.
 */
export const batchNormOp: Op<{ epsilon: number }> = {
  name: 'batchNorm',
  infer: ([x]) => {
    const channels = { shape: [x.shape[1]], dtype: x.dtype };
    return [x, channels, channels, x];
  },
  vjp: (node, [g, ...statistics], needed) => {
    if (statistics.some((s) => s !== undefined)) {
      throw graphError('batchNorm', 'a gradient of the output only', 'one of its statistics');
    }
    if (g === undefined) return [];
    const [x, scale] = node.inputs;
    const [, , variance, centred] = node.outputs;
    const count = sizeOf(x.shape) / x.shape[1];
    const inverse = div(1, sqrt(add(variance, node.attrs.epsilon)));
    const dShift = sum(g, [0, 2, 3]);
    const dScale = mul(sum(mul(g, centred), [0, 2, 3]), inverse);
    // dx = scale inverse (g - dShift / M - centred inverse dScale / M)
    const a = mul(scale, inverse);
    const k = mul(mul(mul(a, inverse), dScale), -1 / count);
    const b = mul(mul(a, dShift), -1 / count);
    const dx = () => add(channelAffine(centred, k, b), channelScale(g, a));
    return [
      needed[0] ? dx() : undefined,
      needed[1] ? dScale : undefined,
      needed[2] ? dShift : undefined,
    ];
  },
  portable: (b, node, [x, scale, shift]) => {
    const column = b.ints([node.inputs[1].shape[0], 1, 1]);
    const each = (value: string) => b.op('Reshape', [value, column]);
    // over all three axes at once: 2 to 4 times faster than a global average pool for each image,
    // and its partial sums are short (a pool of 112x112 loses three bits more)
    const average = (value: string) => b.reduce('ReduceMean', value, [0, 2, 3], false);
    const mean = average(x);
    const centred = b.op('Sub', [x, each(mean)]);
    const variance = average(b.op('Mul', [centred, centred]));
    const deviation = b.op('Sqrt', [b.op('Add', [variance, b.scalar(node.attrs.epsilon)])]);
    const scaled = b.op('Mul', [centred, each(b.op('Div', [scale, deviation]))]);
    return [b.op('Add', [scaled, each(shift)]), mean, variance, centred];
  },
  reference: ([x, scale, shift], { epsilon }) => {
    const [n, c] = x.shape;
    const area = x.shape[2] * x.shape[3];
    const count = n * area;
    const channel = (i: number) => Math.floor(i / area) % c;
    const mean = new Float64Array(c);
    x.data.forEach((v, i) => {
      mean[channel(i)] += v / count;
    });
    const centred = x.data.map((v, i) => v - mean[channel(i)]);
    const variance = new Float64Array(c);
    centred.forEach((v, i) => {
      variance[channel(i)] += (v * v) / count;
    });
    const y = centred.map((v, i) => {
      const k = channel(i);
      return (v * scale.data[k]) / Math.sqrt(variance[k] + epsilon) + shift.data[k];
    });
    return [y, mean, variance, centred];
  },
};

/** [C] as [C, 1, 1], which broadcasts over [N, C, H, W]. */
export function perChannel(x: Value): Value {
  return reshape(x, [x.shape[0], 1, 1]);
}

export function channelAffine(x: Value, scale: Value, shift: Value): Value {
  return apply(channelAffineOp, [x, scale, shift], null);
}

/** x [N, C, H, W] times scale [C]. */
function channelScale(x: Value, scale: Value): Value {
  return apply(channelAffineOp, [x, scale], null);
}

export interface BatchNormResult {
  readonly output: Value;
  /** [C] */
  readonly mean: Value;
  /** Biased, [C]. */
  readonly variance: Value;
}

/** Batch normalisation with the statistics of this batch. */
export function batchNorm(x: Value, scale: Value, shift: Value, epsilon = 1e-5): BatchNormResult {
  const [output, mean, variance] = applyMany(batchNormOp, [x, scale, shift], { epsilon });
  return { output, mean, variance };
}

/** Batch normalisation with given statistics, as a scale and a shift for each channel. */
export function foldNorm(
  scale: Value,
  shift: Value,
  mean: Value,
  variance: Value,
  epsilon = 1e-5,
): { scale: Value; shift: Value } {
  const folded = div(scale, sqrt(add(variance, epsilon)));
  return { scale: folded, shift: sub(shift, mul(folded, mean)) };
}
