// The signed square root of bilinear pooling.

import { apply, type Op, type Value } from '../value.ts';
import { add, div, mul } from './arithmetic.ts';
import { abs, sqrt } from './unary.ts';

/** sign(x) sqrt(|x| + epsilon), with sign(0) = 0; the gradient is 1 / (2 sqrt(|x| + epsilon)). */
export const signedSqrtOp: Op<{ epsilon: number }> = {
  name: 'signedSqrt',
  infer: ([x]) => [x],
  vjp: (node, [g]) => [g && div(mul(g, 0.5), sqrt(add(abs(node.inputs[0]), node.attrs.epsilon)))],
  portable: (b, node, [x]) => {
    const root = b.op('Sqrt', [b.op('Add', [b.op('Abs', [x]), b.scalar(node.attrs.epsilon)])]);
    // ONNX's Sign is slow on the CPU, and leaves the device on WebGPU
    const steep = b.op('Mul', [x, b.scalar(2 ** 100)]);
    return [b.op('Mul', [b.op('Clip', [steep, b.scalar(-1), b.scalar(1)]), root])];
  },
  reference: ([x], { epsilon }) => [
    x.data.map((v) => Math.sign(v) * Math.sqrt(Math.abs(v) + epsilon)),
  ],
};

/**
 * sign(x) sqrt(|x| + epsilon), elementwise. It jumps by 2 sqrt(epsilon) at zero, but its gradient is
 * at most 1 / (2 sqrt(epsilon)): without an epsilon it would have no bound.
 */
export function signedSqrt(x: Value, epsilon: number): Value {
  return apply(signedSqrtOp, [x], { epsilon });
}
