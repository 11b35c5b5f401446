// Taking slices by index along an axis, the transpose of that, and the index of the maximum.

import { normaliseAxis, type Shape, showShape, sizeOf } from '../../core/shape.ts';
import { float32 } from '../../core/tensor.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import { graphError, showType, type TensorType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';

/** Rows of a matrix, the images of a batch, that are worth nodes of their own. */
const FEW_ROWS = 64;

/** `out[.., i, ..] = x[.., indices[i], ..]` along `axis`; indices are int64 of rank 1. */
export const gatherOp: Op<{ axis: number }> = {
  name: 'gather',
  infer: ([x, indices], { axis }) => {
    checkIndices('gather', x, indices, axis);
    return [{ shape: x.shape.map((d, i) => (i === axis ? indices.shape[0] : d)), dtype: x.dtype }];
  },
  vjp: (node, [g]) => {
    const [x, indices] = node.inputs;
    return [g && scatterAdd(g, indices, node.attrs.axis, x.shape[node.attrs.axis]), undefined];
  },
  portable: (b, node, [x, indices]) => {
    const { axis } = node.attrs;
    const { shape } = node.inputs[0];
    if (shape.length !== 2 || axis !== 1 || shape[0] === 1) {
      return [b.op('Gather', [x, indices], { axis })];
    }
    // numbers one by one take ten times as long as columns that were made rows
    const rows = b.op('Gather', [b.op('Transpose', [x], { perm: [1, 0] }), indices], { axis: 0 });
    return [b.op('Transpose', [rows], { perm: [1, 0] })];
  },
  reference: ([x, indices], { axis }) => {
    const [outer, inner] = around(x.shape, axis);
    const n = indices.data.length;
    const out = new Float64Array(outer * n * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < n; i++) {
        const from = (o * x.shape[axis] + indices.data[i]) * inner;
        out.set(x.data.subarray(from, from + inner), (o * n + i) * inner);
      }
    }
    return [out];
  },
};

/** Transpose of gather: slices are added up at their index; `size` is the axis' full length. */
export const scatterAddOp: Op<{ axis: number; size: number }> = {
  name: 'scatterAdd',
  infer: ([x, indices], { axis, size }) => {
    checkIndices('scatterAdd', x, indices, axis);
    if (x.dtype !== 'float32' || indices.shape[0] !== x.shape[axis] || size < 1) {
      throw graphError(
        'scatterAdd',
        `float32 with one index for each element of axis ${axis}, and a size of 1 or more`,
        `${showType(x)} with ${indices.shape[0]} indices and size ${size}`,
      );
    }
    return [{ shape: x.shape.map((d, i) => (i === axis ? size : d)), dtype: x.dtype }];
  },
  vjp: (node, [g]) => [g && gather(g, node.inputs[1], node.attrs.axis), undefined],
  portable: (b, node, [x, indices]) => {
    const { axis, size } = node.attrs;
    const { shape } = node.inputs[0];
    const [rows] = shape;
    const free = b.options.freeBatch !== undefined;
    if (shape.length !== 2 || axis !== 1 || rows === 1 || rows > FEW_ROWS || free) {
      return [scatter(b, x, indices, shape, axis, size)];
    }
    // a row at a time needs no table of indices as large as the matrix
    const sums = Array.from({ length: rows }, (_, i) => {
      const row = b.op('Gather', [x, b.ints([i])], { axis: 0 });
      const flat = b.op('Reshape', [row, b.ints([shape[1]])]);
      const found = scatter(b, flat, indices, [shape[1]], 0, size);
      return b.op('Reshape', [found, b.ints([1, size])]);
    });
    return [b.op('Concat', sums, { axis: 0 })];
  },
  reference: ([x, indices], { axis, size }) => {
    const [outer, inner] = around(x.shape, axis);
    const n = indices.data.length;
    const out = new Float64Array(outer * size * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < inner; k++) {
          out[(o * size + indices.data[i]) * inner + k] += x.data[(o * n + i) * inner + k];
        }
      }
    }
    return [out];
  },
};

/** Index of the first maximum along an axis, which vanishes. int64; no gradient. */
export const argMaxOp: Op<{ axis: number }> = {
  name: 'argMax',
  vjp: 'zero',
  infer: ([x], { axis }) => [{ shape: x.shape.filter((_, i) => i !== axis), dtype: 'int64' }],
  portable: (b, node, inputs) => [b.op('ArgMax', inputs, { axis: node.attrs.axis, keepdims: 0 })],
  reference: ([x], { axis }) => {
    const [outer, inner] = around(x.shape, axis);
    const n = x.shape[axis];
    return [
      Float64Array.from({ length: outer * inner }, (_, flat) => {
        const at = (i: number) =>
          x.data[(Math.floor(flat / inner) * n + i) * inner + (flat % inner)];
        let best = 0;
        for (let i = 1; i < n; i++) if (at(i) > at(best)) best = i;
        return best;
      }),
    ];
  },
};

/**
 * ScatterElements into zeros; its indices have the shape of `x`, whatever its batch. ScatterND would
 * be faster, but its threads add without a lock and lose terms (onnxruntime issue 18048).
 */
function scatter(
  b: OnnxBuilder,
  x: string,
  indices: string,
  shape: Shape,
  axis: number,
  size: number,
): string {
  const column = shape.map((d, i) => (i === axis ? d : 1));
  const all = b.op('Reshape', [indices, b.ints(column)]);
  const freeBatch = b.options.freeBatch !== undefined && axis > 0;
  const spread = b.op('Expand', [all, freeBatch ? b.op('Shape', [x]) : b.ints(shape)]);
  const wide = shape.map((d, i) => (i === axis ? size : d));
  const zero = b.constant(
    float32(
      wide.map(() => 1),
      [0],
    ),
  );
  const extent = freeBatch
    ? b.op('Concat', [b.op('Shape', [x], { end: 1 }), b.ints(wide.slice(1))], { axis: 0 })
    : b.ints(wide);
  const zeros = b.op('Expand', [zero, extent]);
  return b.op('ScatterElements', [zeros, spread, x], { axis, reduction: 'add' });
}

function checkIndices(where: string, x: TensorType, indices: TensorType, axis: number): void {
  if (indices.dtype !== 'int64' || indices.shape.length !== 1) {
    throw graphError(where, 'int64 indices of rank 1', showType(indices));
  }
  if (x.shape[axis] === undefined) {
    throw graphError(where, `an axis of ${showShape(x.shape)}`, `axis ${axis}`);
  }
}

function around(shape: Shape, axis: number): [outer: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
}

/** `out[.., i, ..] = x[.., indices[i], ..]` along `axis`; indices int64 [M], from 0. */
export function gather(x: Value, indices: Value, axis = 0): Value {
  return apply(gatherOp, [x, indices], { axis: normaliseAxis(axis, x.shape.length) });
}

/**
 * `out[.., indices[i], ..] += x[.., i, ..]` along `axis`, which gets `size` elements; where no
 * index points it is zero. Indices int64 [M], one for each element of that axis of `x`, from 0 and
 * below `size`; they may repeat.
 */
export function scatterAdd(x: Value, indices: Value, axis: number, size: number): Value {
  return apply(scatterAddOp, [x, indices], { axis: normaliseAxis(axis, x.shape.length), size });
}

export function argMax(x: Value, axis: number): Value {
  return apply(argMaxOp, [x], { axis: normaliseAxis(axis, x.shape.length) });
}
