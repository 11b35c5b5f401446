// Matrix products: batched matmul with optional transposition, and gemm with a fused bias.

import { broadcastShapes, broadcastStrides, showShape, sizeOf } from '../../core/shape.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import { graphError } from '../tensor-type.ts';
import { apply, type Op, type Reference, type Value, type Vjp } from '../value.ts';
import { mul } from './arithmetic.ts';
import { transpose } from './movement.ts';
import { sumTo } from './sum.ts';
import { walk } from './walk.ts';

interface Transposed {
  readonly transA: boolean;
  readonly transB: boolean;
}

/** Rows, inner and columns of a product; throws when the inner dimensions differ. */
function extents(a: readonly number[], b: readonly number[], { transA, transB }: Transposed) {
  const [ar, ac] = transA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [br, bc] = transB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (ac !== br) {
    throw graphError('matmul', 'equal inner dimensions', `${showShape(a)} and ${showShape(b)}`);
  }
  return { rows: ar, inner: ac, columns: bc };
}

/** Gradients of both factors. */
const productGradients: Vjp<Transposed> = (node, [g], needed) => {
  const [a, b] = node.inputs;
  const { transA, transB } = node.attrs;
  if (g === undefined) return [];
  const left = () => (transA ? matmul(b, g, transB, true) : matmul(g, b, false, !transB));
  const right = () => (transB ? matmul(g, a, true, transA) : matmul(a, g, !transA, false));
  return [
    needed[0] ? sumTo(left(), a.shape) : undefined,
    needed[1] ? sumTo(right(), b.shape) : undefined,
  ];
};

/**
 * `op(a) op(b)` over the last two axes, where op transposes if asked. Leading axes broadcast.
 */
export const matmulOp: Op<Transposed> = {
  name: 'matmul',
  infer: ([a, b], attrs) => {
    const { rows, columns } = extents(a.shape, b.shape, attrs);
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (batch === undefined) {
      throw graphError(
        'matmul',
        'batches that broadcast',
        `${showShape(a.shape)} and ${showShape(b.shape)}`,
      );
    }
    return [{ shape: [...batch, rows, columns], dtype: a.dtype }];
  },
  vjp: productGradients,
  portable: (builder, node, [a, b]) => {
    const { transA, transB } = node.attrs;
    const [{ shape: sa }, { shape: sb }] = node.inputs;
    if (sa.length === 2 && sb.length === 2) return [gemmNode(builder, [a, b], node.attrs)];
    return [
      builder.op('MatMul', [
        transA ? swapLast(builder, a, sa.length) : a,
        transB ? swapLast(builder, b, sb.length) : b,
      ]),
    ];
  },
  reference: ([a, b], attrs, node) => [product(a, b, attrs, node.outputs[0].shape)],
};

/** `op(a) op(b) + bias` for matrices; the bias has one entry per column. */
export const gemmOp: Op<Transposed> = {
  name: 'gemm',
  infer: ([a, b, bias], attrs) => {
    const { rows, columns } = extents(a.shape, b.shape, attrs);
    if (bias.shape.join() !== String(columns)) {
      throw graphError('gemm', `a bias of [${columns}]`, showShape(bias.shape));
    }
    return [{ shape: [rows, columns], dtype: a.dtype }];
  },
  vjp: (node, [g], needed) => [
    ...productGradients(node, [g], needed).slice(0, 2),
    g && needed[2] ? sumTo(g, node.inputs[2].shape) : undefined,
  ],
  portable: (b, node, inputs) => [gemmNode(b, inputs, node.attrs)],
  reference: ([a, b, bias], attrs, node) => {
    const out = product(a, b, attrs, node.outputs[0].shape);
    return [out.map((v, i) => v + bias.data[i % bias.data.length])];
  },
};

/** The sum of the squares of all elements, a scalar: a product of the flat tensor with itself. */
export const sumOfSquaresOp: Op<null> = {
  name: 'sumOfSquares',
  infer: ([x]) => [{ shape: [], dtype: x.dtype }],
  vjp: (node, [g]) => [g && mul(node.inputs[0], mul(g, 2))],
  portable: (b, node, [x]) => [squares(b, x, sizeOf(node.inputs[0].shape))],
  reference: ([x]) => [Float64Array.of(x.data.reduce((total, v) => total + v * v, 0))],
};

/** Sum of the squares of `count` numbers in whatever order. */
export function squares(b: OnnxBuilder, x: string, count: number): string {
  const row = b.op('Reshape', [x, b.ints([1, count])]);
  return b.op('Reshape', [gemmNode(b, [row, row], { transA: false, transB: true }), b.ints([])]);
}

function gemmNode(
  b: OnnxBuilder,
  inputs: readonly string[],
  { transA, transB }: Transposed,
): string {
  return b.op('Gemm', inputs, { transA: Number(transA), transB: Number(transB) });
}

function swapLast(b: OnnxBuilder, x: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 1], perm[rank - 2]] = [rank - 2, rank - 1];
  return b.op('Transpose', [x], { perm });
}

function product(
  a: Reference,
  b: Reference,
  attrs: Transposed,
  shape: readonly number[],
): Float64Array {
  const { rows, inner, columns } = extents(a.shape, b.shape, attrs);
  const batch = shape.slice(0, -2);
  const batchStrides = (x: Reference) =>
    broadcastStrides(x.shape.slice(0, -2), batch).map((s) => s * x.shape.at(-1)! * x.shape.at(-2)!);
  const [aRow, aColumn] = attrs.transA ? [1, rows] : [inner, 1];
  const [bRow, bColumn] = attrs.transB ? [1, inner] : [columns, 1];
  const out = new Float64Array(sizeOf(shape));
  walk(batch, [batchStrides(a), batchStrides(b)], ([oa, ob], flat) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let total = 0;
        for (let k = 0; k < inner; k++) {
          total += a.data[oa + i * aRow + k * aColumn] * b.data[ob + k * bRow + j * bColumn];
        }
        out[(flat * rows + i) * columns + j] = total;
      }
    }
  });
  return out;
}

export function sumOfSquares(x: Value): Value {
  return apply(sumOfSquaresOp, [x], null);
}

/** `a b` over the last two axes, either one transposed on request. */
export function matmul(a: Value, b: Value, transA = false, transB = false): Value {
  return apply(matmulOp, [a, b], { transA, transB });
}

/** `op(a) op(b) + bias` for matrices. */
export function gemm(
  a: Value,
  b: Value,
  bias: Value,
  { transA = false, transB = false }: Partial<Transposed> = {},
): Value {
  return apply(gemmOp, [a, b, bias], { transA, transB });
}

/** The last two axes exchanged. */
export function transposeLast(x: Value): Value {
  const perm = x.shape.map((_, i) => i);
  const rank = perm.length;
  [perm[rank - 1], perm[rank - 2]] = [rank - 2, rank - 1];
  return transpose(x, perm);
}
