// Elementwise functions of one tensor.

import type { AttributeValue } from '../onnx/protos.ts';
import type { TensorType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { div, mul, sub } from './arithmetic.ts';
import { indicator } from './compare.ts';

type Rule<A> = (g: Value, y: Value, x: Value, attrs: A) => Value;

/** All elementwise functions: shape and type stay; `rule` is the gradient given g, y and x. */
export function unary<A>(
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
/** |x|; the gradient at zero is zero. */
export const absOp: Op<null> = unary('abs', 'Abs', Math.abs, (g, _, x) => mul(g, sign(x)));
/** erf(x) = 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export const erfOp: Op<null> = unary('erf', 'Erf', errorFunction, (g, _, x) =>
  mul(g, mul(exp(mul(mul(x, x), -1)), 2 / Math.sqrt(Math.PI))),
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

/**
 * erf in float64: its series exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!! has positive terms only, so
 * that nothing cancels (Abramowitz and Stegun 1964, 7.1.6). Beyond 6 the result rounds to 1.
 */
function errorFunction(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = 0;
  for (let n = 1; total + term !== total; n++) {
    total += term;
    term *= (2 * x * x) / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

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

/** |x|, elementwise. At zero the gradient is zero. */
export function abs(x: Value): Value {
  return apply(absOp, [x], null);
}

/**
 * 1 above zero, -1 below, 0 at zero. Its gradient is zero. Made of two masks, because ONNX's Sign
 * leaves the device on WebGPU. Magnitudes below 2^-100 give less than 1.
 */
export function sign(x: Value): Value {
  const positive = indicator(x, 0, Number.POSITIVE_INFINITY);
  return sub(positive, indicator(x, Number.NEGATIVE_INFINITY, 0));
}

/** The error function, elementwise. */
export function erf(x: Value): Value {
  return apply(erfOp, [x], null);
}
