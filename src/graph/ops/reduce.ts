// Mean, maximum, softmax and log-softmax.

import { broadcastStrides, sizeOf } from '../../core/shape.ts';
import { graphError, showType, type TensorType } from '../tensor-type.ts';
import { apply, type Op, type Reference, type Value } from '../value.ts';
import { div, log, mul, sub } from './arithmetic.ts';
import { cast, equal } from './compare.ts';
import { allAxes, dropUnlessKept, reducedShape, sum } from './sum.ts';
import { exp } from './unary.ts';
import { walk } from './walk.ts';

/** Maximum over `axes`, kept with size 1. The gradient is shared equally between ties. */
export const maxOp: Op<{ axes: readonly number[] }> = {
  name: 'max',
  infer: ([x], { axes }) => [{ shape: reducedShape(x.shape, axes), dtype: x.dtype }],
  vjp: (node, [g]) => {
    if (g === undefined) return [];
    const hits = cast(equal(node.inputs[0], node.outputs[0]), 'float32');
    return [mul(div(hits, sum(hits, node.attrs.axes, { keep: true })), g)];
  },
  portable: (b, node, [x]) => [b.reduce('ReduceMax', x, node.attrs.axes, true)],
  reference: ([x], { axes }) => {
    const shape = reducedShape(x.shape, axes);
    const out = new Float64Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY);
    walk(x.shape, [broadcastStrides(shape, x.shape)], ([offset], flat) => {
      out[offset] = Math.max(out[offset], x.data[flat]);
    });
    return [out];
  },
};

/** exp(x_i) / sum_j exp(x_j) over the last axis. */
export const softmaxOp: Op<null> = {
  name: 'softmax',
  infer: ([x]) => [withLastAxis('softmax', x)],
  // d/dx: y (g - sum(g y))
  vjp: (node, [g]) => {
    if (g === undefined) return [];
    const [y] = node.outputs;
    return [mul(y, sub(g, sum(mul(g, y), [-1], { keep: true })))];
  },
  portable: (b, _, inputs) => [b.op('Softmax', inputs, { axis: -1 })],
  reference: ([x]) => [logSoftmaxRows(x).map(Math.exp)],
};

/** log softmax over the last axis. */
export const logSoftmaxOp: Op<null> = {
  name: 'logSoftmax',
  infer: ([x]) => [withLastAxis('logSoftmax', x)],
  // d/dx: g - softmax * sum(g)
  vjp: (node, [g]) => [g && sub(g, mul(exp(node.outputs[0]), sum(g, [-1], { keep: true })))],
  portable: (b, _, inputs) => [b.op('LogSoftmax', inputs, { axis: -1 })],
  reference: ([x]) => [logSoftmaxRows(x)],
};

function withLastAxis(name: string, x: TensorType): TensorType {
  if (x.shape.length > 0 && x.dtype === 'float32') return x;
  throw graphError(name, 'float32 of rank 1 or more', showType(x));
}

function logSoftmaxRows(x: Reference): Float64Array {
  const k = x.shape.at(-1)!;
  const out = x.data.slice();
  for (let row = 0; row < out.length; row += k) {
    const slice = out.subarray(row, row + k);
    const top = slice.reduce((a, v) => Math.max(a, v), Number.NEGATIVE_INFINITY);
    const total = slice.reduce((a, v) => a + Math.exp(v - top), 0);
    for (let i = 0; i < k; i++) slice[i] -= top + Math.log(total);
  }
  return out;
}

/** Maximum over some axes (all when none are given), which vanish unless `keep`. */
export function max(x: Value, axes?: readonly number[], options: { keep?: boolean } = {}): Value {
  const over = allAxes(x, axes);
  return dropUnlessKept(apply(maxOp, [x], { axes: over }), over, options.keep);
}

/** Mean over some axes (all when none are given), which vanish unless `keep`. */
export function mean(x: Value, axes?: readonly number[], options: { keep?: boolean } = {}): Value {
  const over = allAxes(x, axes);
  const count = sizeOf(over.map((axis) => x.shape[axis]));
  return mul(sum(x, over, options), 1 / count);
}

/** log(exp(x_i) / sum_j exp(x_j)) over the last axis, without overflow. x [..., K]. */
export function logSoftmax(x: Value): Value {
  return apply(logSoftmaxOp, [x], null);
}

/** exp(x_i) / sum_j exp(x_j) over the last axis, without overflow. x [..., K]. */
export function softmax(x: Value): Value {
  return apply(softmaxOp, [x], null);
}

/** log(sum(exp(x))) over the last axis, kept with size 1. */
export function logSumExp(x: Value): Value {
  const top = max(x, [-1], { keep: true });
  return sub(log(sum(exp(sub(x, top)), [-1], { keep: true })), mul(top, -1));
}
