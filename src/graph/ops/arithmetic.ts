// Elementwise arithmetic on two tensors, with numpy broadcasting.

import { broadcastShapes } from '../../core/shape.ts';
import { graphError, showType, type TensorType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { scalar } from './leaf.ts';
import { sumTo } from './sum.ts';
import { mapBroadcast } from './walk.ts';

/** A value, or a number that becomes a constant scalar. */
export type Operand = Value | number;

export function asValue(x: Operand): Value {
  return typeof x === 'number' ? scalar(x) : x;
}

/** The common shape of two operands of one type, or an error that names the op. */
export function broadcastOf(name: string, a: TensorType, b: TensorType): number[] {
  const shape = broadcastShapes(a.shape, b.shape);
  if (shape !== undefined && a.dtype === b.dtype) return shape;
  throw graphError(name, 'types that broadcast', `${showType(a)} and ${showType(b)}`);
}

type Rule = (g: Value, a: Value, b: Value, y: Value) => Value;

/** All binary ops: the shape rule broadcasts, gradients are summed back to the inputs' shapes. */
function binary(
  name: string,
  onnx: string,
  f: (a: number, b: number) => number,
  left: Rule,
  right: Rule,
): Op<null> {
  return {
    name,
    infer: ([a, b]) => [{ shape: broadcastOf(name, a, b), dtype: a.dtype }],
    vjp: (node, [g], needed) => {
      const [a, b] = node.inputs;
      const [y] = node.outputs;
      return [
        g && needed[0] ? sumTo(left(g, a, b, y), a.shape) : undefined,
        g && needed[1] ? sumTo(right(g, a, b, y), b.shape) : undefined,
      ];
    },
    portable: (b, _, inputs) => [b.op(onnx, inputs)],
    reference: (inputs, _, node) => [mapBroadcast(inputs, node.outputs[0].shape, f)],
  };
}

export const addOp: Op<null> = binary(
  'add',
  'Add',
  (a, b) => a + b,
  (g) => g,
  (g) => g,
);
export const subOp: Op<null> = binary(
  'sub',
  'Sub',
  (a, b) => a - b,
  (g) => g,
  (g) => mul(g, -1),
);
export const mulOp: Op<null> = binary(
  'mul',
  'Mul',
  (a, b) => a * b,
  (g, _, b) => mul(g, b),
  (g, a) => mul(g, a),
);
export const divOp: Op<null> = binary(
  'div',
  'Div',
  (a, b) => a / b,
  (g, _, b) => div(g, b),
  (g, _, b, y) => mul(div(mul(g, y), b), -1),
);
/** a^b for a > 0. */
export const powOp: Op<null> = binary(
  'pow',
  'Pow',
  (a, b) => a ** b,
  (g, a, b) => mul(g, mul(b, pow(a, sub(b, 1)))),
  (g, a, _, y) => mul(g, mul(y, naturalLog(a))),
);

/** Natural logarithm; stands here because the gradient of pow needs it. */
export const logOp: Op<null> = {
  name: 'log',
  infer: ([x]) => [x],
  vjp: (node, [g]) => [g && div(g, node.inputs[0])],
  portable: (b, _, inputs) => [b.op('Log', inputs)],
  reference: ([x]) => [x.data.map(Math.log)],
};

function naturalLog(x: Value): Value {
  return apply(logOp, [x], null);
}

export function add(a: Operand, b: Operand): Value {
  return apply(addOp, [asValue(a), asValue(b)], null);
}
export function sub(a: Operand, b: Operand): Value {
  return apply(subOp, [asValue(a), asValue(b)], null);
}
export function mul(a: Operand, b: Operand): Value {
  return apply(mulOp, [asValue(a), asValue(b)], null);
}
export function div(a: Operand, b: Operand): Value {
  return apply(divOp, [asValue(a), asValue(b)], null);
}
/** `a` to the power `b`, for positive `a`. */
export function pow(a: Operand, b: Operand): Value {
  return apply(powOp, [asValue(a), asValue(b)], null);
}
export { naturalLog as log };
