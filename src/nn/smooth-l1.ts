// The loss of boxes: quadratic near its target, linear far from it, so that outliers do not rule.
// Girshick 2015 (Fast R-CNN, arXiv 1504.08083), equation 3.

import { mul, sub } from '../graph/ops/arithmetic.ts';
import { minimum } from '../graph/ops/compare.ts';
import { sum } from '../graph/ops/sum.ts';
import { abs } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';

/**
 * Sum over a row and mean over the batch of d^2 / (2 beta) where d = |x - target| is below beta, else
 * d - beta / 2. x and target are [N, D].
 */
export function smoothL1(x: Value, target: Value, beta: number): Value {
  const d = abs(sub(x, target));
  // m (d - m / 2) / beta with m = min(d, beta) is both branches at once
  const m = minimum(d, beta);
  return mul(sum(mul(m, sub(d, mul(m, 0.5)))), 1 / (beta * x.shape[0]));
}
