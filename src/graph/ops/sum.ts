// Sum over axes and its transpose, expand.

import {
  broadcastShapes,
  broadcastStrides,
  normaliseAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from '../../core/shape.ts';
import { apply, graphError, type Op, type Value } from '../value.ts';
import { reshape } from './movement.ts';
import { gatherStrided, walk } from './walk.ts';

/** Sums over `axes` and keeps them with size 1. */
export const sumOp: Op<{ axes: readonly number[] }> = {
  name: 'sum',
  infer: ([x], { axes }) => [
    { shape: x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)), dtype: x.dtype },
  ],
  vjp: (node, [g]) => [g && expand(g, node.inputs[0].shape)],
  portable: (b, node, [x]) => [b.op('ReduceSum', [x, b.ints(node.attrs.axes)], { keepdims: 1 })],
  reference: ([x], { axes }) => {
    const shape = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const out = new Float64Array(sizeOf(shape));
    walk(x.shape, [broadcastStrides(shape, x.shape)], ([offset], flat) => {
      out[offset] += x.data[flat];
    });
    return [out];
  },
};

/** Repeats axes of size 1, and adds axes in front. */
export const expandOp: Op<{ shape: Shape }> = {
  name: 'expand',
  infer: ([x], { shape }) => {
    if (!sameShape(broadcastShapes(x.shape, shape) ?? [], shape)) {
      throw graphError(
        'expand',
        `a shape that broadcasts to ${showShape(shape)}`,
        showShape(x.shape),
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  vjp: (node, [g]) => [g && sumTo(g, node.inputs[0].shape)],
  portable: (b, node, [x]) => [b.op('Expand', [x, b.ints(node.attrs.shape)])],
  reference: ([x], { shape }) => [gatherStrided(x.data, shape, broadcastStrides(x.shape, shape))],
};

/** Sum over some axes (all when none are given). Summed axes vanish unless `keep`. */
export function sum(x: Value, axes?: readonly number[], options: { keep?: boolean } = {}): Value {
  const over = (axes ?? x.shape.map((_, i) => i)).map((axis) =>
    normaliseAxis(axis, x.shape.length),
  );
  if (over.length === 0) return x;
  const kept = apply(sumOp, [x], { axes: over });
  return options.keep
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, axis) => !over.includes(axis)),
      );
}

export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply(expandOp, [x], { shape });
}

/** Undoes a broadcast: sums over every axis along which `shape` was repeated. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dim, axis) =>
    axis < offset || (shape[axis - offset] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(sum(x, axes, { keep: true }), shape);
}
