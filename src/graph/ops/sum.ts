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
import { graphError } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { reshape } from './movement.ts';
import { gatherStrided, walk } from './walk.ts';

/** Sums over `axes` and keeps them with size 1. */
export const sumOp: Op<{ axes: readonly number[] }> = {
  name: 'sum',
  infer: ([x], { axes }) => [{ shape: reducedShape(x.shape, axes), dtype: x.dtype }],
  vjp: (node, [g]) => [g && expand(g, node.inputs[0].shape)],
  portable: (b, node, [x]) => [b.reduce('ReduceSum', x, node.attrs.axes, true)],
  reference: ([x], { axes }) => {
    const shape = reducedShape(x.shape, axes);
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
  const over = allAxes(x, axes);
  if (over.length === 0) return x;
  return dropUnlessKept(apply(sumOp, [x], { axes: over }), over, options.keep);
}

/** The shape with the reduced axes at size 1. */
export function reducedShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
}

/** The axes a reduction goes over, counted from the start: all when none are given. */
export function allAxes(x: Value, axes: readonly number[] | undefined): number[] {
  return (axes ?? x.shape.map((_, i) => i)).map((axis) => normaliseAxis(axis, x.shape.length));
}

/** A reduced value without its axes of size 1, unless they are to stay. */
export function dropUnlessKept(x: Value, axes: readonly number[], keep = false): Value {
  if (keep) return x;
  return reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
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
