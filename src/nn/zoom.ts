// The zoom of a spatial transformer without rotation: a square of an image, bilinearly resampled, and
// differentiable in where the square is (Jaderberg et al. 2015, arXiv 1506.02025, equation 5).

import { float32 } from '../core/tensor.ts';
import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { maximum } from '../graph/ops/compare.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape, transpose } from '../graph/ops/movement.ts';
import { concat, slice } from '../graph/ops/slice.ts';
import { sum } from '../graph/ops/sum.ts';
import { abs, relu } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';

/*
 * A square is a row (tx, ty, tl) of [N, 3]: centre and half side as shares of the image's side, as in
 * RA-CNN (Fu et al. 2017, section 3.1).
 */

/**
 * The squares of square images, resampled to `size` x `size`: [N, C, S, S] and [N, 3] to
 * [N, C, size, size]. Resampling is separable, so it is two products, with weights W(ty) for the
 * rows and W(tx) for the columns:
 *
 *   position of pixel i   p_i = S (t - tl + 2 tl (i + 1/2) / size) - 1/2
 *   weight of source s    w_is = max(0, 1 - |s - p_i| / r) / (their sum over s)
 *   reach                 r = max(1, 2 tl S / size)
 *
 * Enlarging, r is 1: plain bilinear interpolation, the border repeated. Where the square shrinks the
 * triangle widens, which antialiases as `resizeBilinear` does. Gradients reach the square through p
 * and r; where a source pixel is hit exactly, at the hat's kink, its weight has the derivative zero.
 */
export function zoom(image: Value, square: Value, size: number): Value {
  const [n, c, s] = image.shape;
  const half = slice(square, 1, 2, 3);
  const weights = (axis: number) => hatWeights(slice(square, 1, axis, axis + 1), half, s, size);
  const columns = matmul(reshape(image, [n, c * s, s]), weights(0), false, true);
  // with rows in front, one product serves all channels, and so does the one of its gradient
  const byRow = reshape(transpose(reshape(columns, [n, c, s, size]), [0, 2, 1, 3]), [
    n,
    s,
    c * size,
  ]);
  const rows = matmul(weights(1), byRow);
  return transpose(reshape(rows, [n, size, c, size]), [0, 2, 1, 3]);
}

/** W of one axis, [N, size, from], for centres and half sides [N, 1]. */
function hatWeights(centre: Value, half: Value, from: number, size: number): Value {
  const [n] = centre.shape;
  const steps = Float32Array.from({ length: size }, (_, i) => ((2 * i + 1) / size - 1) * from);
  const offsets = mul(half, constant(float32([1, size], steps)));
  const positions = sub(add(mul(centre, from), offsets), 0.5); // [N, size]
  const sources = constant(
    float32(
      [1, 1, from],
      Array.from({ length: from }, (_, i) => i),
    ),
  );
  const reach = reshape(maximum(mul(half, (2 * from) / size), 1), [n, 1, 1]);
  const distance = abs(sub(sources, reshape(positions, [n, size, 1])));
  const hats = relu(sub(1, div(distance, reach)));
  return div(hats, sum(hats, [2], { keep: true }));
}

/** Squares within squares, in shares of the image that holds the outer ones; both [N, 3]. */
export function within(outer: Value, inner: Value): Value {
  const half = slice(outer, 1, 2, 3);
  const at = (axis: number) => {
    const [from, shift] = [outer, inner].map((square) => slice(square, 1, axis, axis + 1));
    return add(from, mul(half, sub(mul(shift, 2), 1)));
  };
  return concat([at(0), at(1), mul(mul(half, slice(inner, 1, 2, 3)), 2)], 1);
}

/** B squares of each image, [N, 3] each, as boxes [N, B, 4]: x, y, width, height as shares. */
export function boxesOf(squares: readonly Value[]): Value {
  const boxes = squares.map((square) => {
    const half = slice(square, 1, 2, 3);
    const side = mul(half, 2);
    const corner = (axis: number) => sub(slice(square, 1, axis, axis + 1), half);
    return concat([corner(0), corner(1), side, side], 1);
  });
  return reshape(concat(boxes, 1), [squares[0].shape[0], squares.length, 4]);
}

/** The same square for each of `n` images, [n, 3]: in the centre, unless told otherwise. */
export function fixedSquare(n: number, half: number, centre = 0.5): Value {
  const rows = Array.from({ length: n }, () => [centre, centre, half]);
  return constant(float32([n, 3], rows.flat()));
}
