// Reshape and transpose: the same numbers in another order.

import { showShape, sizeOf } from '../../core/shape.ts';
import { graphError } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { gatherStrided, stridesOf } from './walk.ts';

export const reshapeOp: Op<{ shape: readonly number[] }> = {
  name: 'reshape',
  infer: ([x], { shape }) => {
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      throw graphError('reshape', `${sizeOf(x.shape)} elements`, showShape(shape));
    }
    return [{ shape, dtype: x.dtype }];
  },
  vjp: (node, [g]) => [g && reshape(g, node.inputs[0].shape)],
  portable: (b, node, [x]) => [b.reshape(x, node.inputs[0].shape, node.attrs.shape)],
  reference: ([x]) => [x.data.slice()],
};

export const transposeOp: Op<{ perm: readonly number[] }> = {
  name: 'transpose',
  infer: ([x], { perm }) => {
    if ([...perm].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join()) {
      throw graphError('transpose', `a permutation of ${x.shape.length} axes`, showShape(perm));
    }
    return [{ shape: perm.map((axis) => x.shape[axis]), dtype: x.dtype }];
  },
  vjp: (node, [g]) => {
    const inverse = node.attrs.perm.map((_, axis) => node.attrs.perm.indexOf(axis));
    return [g && transpose(g, inverse)];
  },
  portable: (b, node, [x]) => [b.op('Transpose', [x], { perm: node.attrs.perm })],
  reference: ([x], { perm }) => {
    const strides = stridesOf(x.shape);
    const shape = perm.map((axis) => x.shape[axis]);
    return [
      gatherStrided(
        x.data,
        shape,
        perm.map((axis) => strides[axis]),
      ),
    ];
  },
};

/** The same elements under another shape. One dimension may be -1: whatever is left. */
export function reshape(x: Value, shape: readonly number[]): Value {
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const full = shape.map((dim) => (dim === -1 ? sizeOf(x.shape) / known : dim));
  return full.join() === x.shape.join() ? x : apply(reshapeOp, [x], { shape: full });
}

/** Axis `i` of the result is axis `perm[i]` of `x`. */
export function transpose(x: Value, perm: readonly number[]): Value {
  return perm.every((axis, i) => axis === i) ? x : apply(transposeOp, [x], { perm });
}
