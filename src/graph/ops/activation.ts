// Activations beyond the rectifier. Most are products of ops that exist; two are ONNX ops.

import { apply, type Op, type Value } from '../value.ts';
import { add, div, mul, sub } from './arithmetic.ts';
import { indicator } from './compare.ts';
import { clamp, erf, exp, hardSigmoid, sigmoid, unary } from './unary.ts';

/** x above zero, slope x elsewhere. */
export const leakyReluOp: Op<{ slope: number }> = unary(
  'leakyRelu',
  'LeakyRelu',
  (x, { slope }) => (x > 0 ? x : slope * x),
  (g, _, x, { slope }) => mul(g, add(mul(above(x), 1 - slope), slope)),
  ({ slope }) => ({ alpha: { float: slope } }),
);

/** x above zero, alpha (exp(x) - 1) elsewhere. */
export const eluOp: Op<{ alpha: number }> = unary(
  'elu',
  'Elu',
  (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  (g, y, x, { alpha }) => {
    const linear = above(x);
    return mul(g, add(linear, mul(sub(1, linear), add(y, alpha))));
  },
  ({ alpha }) => ({ alpha: { float: alpha } }),
);

function above(x: Value): Value {
  return indicator(x, 0, Number.POSITIVE_INFINITY);
}

/**
 * max(x, 0) + slope min(x, 0), elementwise (Maas, Hannun and Ng 2013, section 2). At zero the
 * gradient is `slope`, as in torch.
 */
export function leakyRelu(x: Value, slope = 0.01): Value {
  return apply(leakyReluOp, [x], { slope });
}

/**
 * x above zero, else alpha (exp(x) - 1), elementwise (Clevert, Unterthiner and Hochreiter 2016,
 * arXiv 1511.07289, equation 15). At zero the gradient is `alpha`, as in torch.
 */
export function elu(x: Value, alpha = 1): Value {
  return apply(eluOp, [x], { alpha });
}

/**
 * x sigmoid(x), elementwise: SiLU (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2), also
 * known as swish (Ramachandran, Zoph and Le 2017, arXiv 1710.05941) with beta 1.
 */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x));
}

export interface GeluOptions {
  /** The approximation by a tanh, which some pretrained networks were trained with. */
  readonly tanh?: boolean;
}

/**
 * x Phi(x) with the standard normal distribution function Phi, elementwise (Hendrycks and Gimpel
 * 2016, arXiv 1606.08415, section 2): x (1 + erf(x / sqrt 2)) / 2, or on request the paper's
 * approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
 */
export function gelu(x: Value, options: GeluOptions = {}): Value {
  if (!options.tanh) return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
  // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)): there the gradient keeps its digits where tanh(u) is
  // close to 1, and the clamp keeps exp finite
  const scale = -2 * Math.sqrt(2 / Math.PI);
  const exponent = mul(x, add(mul(mul(x, x), 0.044715 * scale), scale));
  return div(x, add(exp(clamp(exponent, -80, 80)), 1));
}

/** x min(max(x + 3, 0), 6) / 6, elementwise (Howard et al. 2019, arXiv 1905.02244, 5.2). */
export function hardSwish(x: Value): Value {
  return mul(x, hardSigmoid(x));
}
