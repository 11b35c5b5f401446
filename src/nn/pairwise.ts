// Rows compared with one another: their length, unit length, and all squared distances within a batch.

import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { sum } from '../graph/ops/sum.ts';
import { sqrt } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';

/** Keeps the length of a row of zeros, and its gradient, finite. */
const SMALLEST_SQUARE = 1e-12;

/** |x| for each row, [N, D] to [N, 1]; never zero. */
export function rowNorm(x: Value): Value {
  return sqrt(add(sum(mul(x, x), [1], { keep: true }), SMALLEST_SQUARE));
}

/** x / |x| for each row. x [N, D]; rows of zeros stay zero. */
export function unitRows(x: Value): Value {
  return div(x, rowNorm(x));
}

/**
 * |a - b|^2 for all pairs of rows, [N, N], from x [N, D]: 0 to 4 for rows of unit length. There is
 * no root, so the gradient 2 (a - b) is finite where a = b. Rounding may leave the diagonal, and
 * pairs of equal rows, some 1e-7 off zero.
 */
export function squaredDistances(x: Value): Value {
  const squares = sum(mul(x, x), [1]);
  const [n] = x.shape;
  const both = add(reshape(squares, [n, 1]), reshape(squares, [1, n]));
  return sub(both, mul(matmul(x, x, false, true), 2));
}
