// Comparison, selection and change of element type.

import { broadcastShapes } from '../../core/shape.ts';
import type { DType } from '../../core/tensor.ts';
import { onnxTypes } from '../onnx/protos.ts';
import { graphError, showType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { asValue, broadcastOf, mul, type Operand } from './arithmetic.ts';
import { sumTo } from './sum.ts';
import { mapBroadcast } from './walk.ts';

function comparison(name: string, onnx: string, f: (a: number, b: number) => boolean): Op<null> {
  return {
    name,
    vjp: 'zero',
    infer: ([a, b]) => [{ shape: broadcastOf(name, a, b), dtype: 'bool' }],
    portable: (b, _, inputs) => [b.op(onnx, inputs)],
    reference: (inputs, _, node) => [
      mapBroadcast(inputs, node.outputs[0].shape, (a, b) => Number(f(a, b))),
    ],
  };
}

export const greaterOp: Op<null> = comparison('greater', 'Greater', (a, b) => a > b);
export const lessOp: Op<null> = comparison('less', 'Less', (a, b) => a < b);
export const equalOp: Op<null> = comparison('equal', 'Equal', (a, b) => a === b);

/** `condition ? a : b`, elementwise. */
export const whereOp: Op<null> = {
  name: 'where',
  infer: ([condition, a, b]) => {
    const branches = broadcastShapes(a.shape, b.shape);
    const shape = branches && broadcastShapes(condition.shape, branches);
    if (shape === undefined || condition.dtype !== 'bool' || a.dtype !== b.dtype) {
      throw graphError(
        'where',
        'bool, and two types that broadcast',
        [condition, a, b].map(showType).join(' and '),
      );
    }
    return [{ shape, dtype: a.dtype }];
  },
  vjp: (node, [g], needed) => {
    const [condition, a, b] = node.inputs;
    return [
      undefined,
      g && needed[1] ? sumTo(where(condition, g, 0), a.shape) : undefined,
      g && needed[2] ? sumTo(where(condition, 0, g), b.shape) : undefined,
    ];
  },
  portable: (b, _, inputs) => [b.op('Where', inputs)],
  reference: (inputs, _, node) => [
    mapBroadcast(inputs, node.outputs[0].shape, (c, a, b) => (c ? a : b)),
  ],
};

/** The same numbers as another element type. A gradient flows between float types only. */
export const castOp: Op<{ dtype: DType }> = {
  name: 'cast',
  infer: ([x], { dtype }) => [{ shape: x.shape, dtype }],
  vjp: (node, [g]) => {
    const from = node.inputs[0].dtype;
    return [g && from === 'float32' && g.dtype === 'float32' ? g : undefined];
  },
  portable: (b, node, [x]) => [b.op('Cast', [x], { to: onnxTypes[node.attrs.dtype] })],
  reference: ([x], { dtype }) => [
    dtype === 'bool' ? x.data.map((v) => Number(v !== 0)) : x.data.slice(),
  ],
};

/**
 * 1 where low < x < high, else 0, as float32. Its gradient is zero: this is the derivative of
 * the clamps, not a function to learn through.
 *
 * Written as steep hard sigmoids, which cost a third of compare-and-cast on the CPU.
 */
export const indicatorOp: Op<{ low: number; high: number }> = {
  name: 'indicator',
  vjp: 'zero',
  infer: ([x]) => [x],
  portable: (b, node, [x]) => {
    const { low, high } = node.attrs;
    const steep = 2 ** 100;
    const side = (alpha: number, beta: number) =>
      b.op('HardSigmoid', [x], { alpha: { float: alpha }, beta: { float: beta } });
    if (high === Number.POSITIVE_INFINITY) return [side(steep, -low * steep)];
    if (low === Number.NEGATIVE_INFINITY) return [side(-steep, high * steep)];
    return [b.op('Mul', [side(steep, -low * steep), side(-steep, high * steep)])];
  },
  reference: ([x], { low, high }) => [x.data.map((v) => Number(v > low && v < high))],
};

export function greater(a: Operand, b: Operand): Value {
  return apply(greaterOp, [asValue(a), asValue(b)], null);
}
export function less(a: Operand, b: Operand): Value {
  return apply(lessOp, [asValue(a), asValue(b)], null);
}
export function equal(a: Operand, b: Operand): Value {
  return apply(equalOp, [asValue(a), asValue(b)], null);
}
export function where(condition: Value, a: Operand, b: Operand): Value {
  return apply(whereOp, [condition, asValue(a), asValue(b)], null);
}
export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : apply(castOp, [x], { dtype });
}
export function indicator(x: Value, low: number, high: number): Value {
  return apply(indicatorOp, [x], { low, high });
}

/** Elementwise maximum; where both are equal the gradient goes to `b`. */
export function maximum(a: Operand, b: Operand): Value {
  return where(greater(a, b), a, b);
}

/** Elementwise minimum; where both are equal the gradient goes to `b`. */
export function minimum(a: Operand, b: Operand): Value {
  return where(less(a, b), a, b);
}

/** Inverted dropout (Srivastava et al. 2014): `uniforms` are fed from the host, in [0, 1). */
export function dropout(x: Value, uniforms: Value, rate: number): Value {
  const kept = cast(less(rate, uniforms), 'float32');
  return mul(x, mul(kept, 1 / (1 - rate)));
}
