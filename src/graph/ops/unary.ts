// Elementwise functions of one tensor.

import type { AttributeValue } from '../onnx/builder.ts';
import { apply, type Op, type TensorType, type Value } from '../value.ts';
import { div, mul, sub } from './arithmetic.ts';
import { indicator } from './compare.ts';

type Rule<A> = (g: Value, y: Value, x: Value, attrs: A) => Value;

function unary<A>(
  name: string,
  onnx: string,
  f: (x: number, attrs: A) => number,
  rule: Rule<A>,
  attributes: (attrs: A) => Record<string, AttributeValue> = () => ({}),
): Op<A> {
  return {
    name,
    infer: ([x]): TensorType[] => [x],
    vjp: (node, [g]) => [g && rule(g, node.outputs[0], node.inputs[0], node.attrs)],
    portable: (b, node, inputs) => [b.op(onnx, inputs, attributes(node.attrs))],
    reference: ([x], attrs) => [x.data.map((v) => f(v, attrs))],
  };
}

const half = 0.5;

export const expOp: Op<null> = unary('exp', 'Exp', Math.exp, (g, y) => mul(g, y));
export const sqrtOp: Op<null> = unary('sqrt', 'Sqrt', Math.sqrt, (g, y) => div(mul(g, half), y));
export const sigmoidOp: Op<null> = unary(
  'sigmoid',
  'Sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  (g, y) => mul(g, mul(y, sub(1, y))),
);
export const tanhOp: Op<null> = unary('tanh', 'Tanh', Math.tanh, (g, y) =>
  mul(g, sub(1, mul(y, y))),
);
export const reluOp: Op<null> = unary(
  'relu',
  'Relu',
  (x) => Math.max(x, 0),
  (g, y) => mul(g, indicator(y, 0, Number.POSITIVE_INFINITY)),
);
/** max(0, min(1, alpha x + beta)). */
export const hardSigmoidOp: Op<{ alpha: number; beta: number }> = unary(
  'hardSigmoid',
  'HardSigmoid',
  (x, { alpha, beta }) => Math.max(0, Math.min(1, alpha * x + beta)),
  (g, y, _, { alpha }) => mul(g, mul(indicator(y, 0, 1), alpha)),
  ({ alpha, beta }) => ({ alpha: { float: alpha }, beta: { float: beta } }),
);

/** min(max(x, low), high). At the bounds themselves the gradient is zero. */
export const clampOp: Op<{ low: number; high: number }> = {
  name: 'clamp',
  infer: ([x]) => [x],
  vjp: (node, [g]) => [g && mul(g, indicator(node.outputs[0], node.attrs.low, node.attrs.high))],
  portable: (b, node, [x]) => [
    b.op('Clip', [x, b.scalar(node.attrs.low), b.scalar(node.attrs.high)]),
  ],
  reference: ([x], { low, high }) => [x.data.map((v) => Math.min(Math.max(v, low), high))],
};

export function exp(x: Value): Value {
  return apply(expOp, [x], null);
}
export function sqrt(x: Value): Value {
  return apply(sqrtOp, [x], null);
}
export function sigmoid(x: Value): Value {
  return apply(sigmoidOp, [x], null);
}
export function tanh(x: Value): Value {
  return apply(tanhOp, [x], null);
}
export function relu(x: Value): Value {
  return apply(reluOp, [x], null);
}
export function clamp(x: Value, low: number, high: number): Value {
  return apply(clampOp, [x], { low, high });
}
export function relu6(x: Value): Value {
  return clamp(x, 0, 6);
}
export function hardSigmoid(x: Value, alpha: number = 1 / 6, beta: number = half): Value {
  return apply(hardSigmoidOp, [x], { alpha, beta });
}
