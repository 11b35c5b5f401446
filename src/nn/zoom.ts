// The zoom of a spatial transformer without rotation: a square of an image, bilinearly resampled, and
// differentiable in where the square is (Jaderberg et al. 2015, arXiv 1506.02025, equation 5).

import { float32 } from '../core/tensor.ts';
import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { maximum, minimum } from '../graph/ops/compare.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape, transpose } from '../graph/ops/movement.ts';
import { concat, slice } from '../graph/ops/slice.ts';
import { sum } from '../graph/ops/sum.ts';
import { abs, clamp, relu } from '../graph/ops/unary.ts';
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
  const weights = (axis: number) => {
    const positions = positionsOf(slice(square, 1, axis, axis + 1), half, s, size);
    return hatWeights(positions, reachOf(half, s, size), s);
  };
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

/**
 * The other way: maps of squares, [N, S, S], laid where these lie in their images, [N, size, size].
 * Zero elsewhere; cells at the border of a square have as much of it as lies within.
 */
export function layBack(map: Value, square: Value, size: number): Value {
  const [, s] = map.shape;
  // the whole image in shares of the square
  const side = mul(slice(square, 1, 2, 3), 2);
  const half = div(0.5, side);
  const weights = (axis: number) => {
    const corner = sub(slice(square, 1, axis, axis + 1), mul(side, 0.5));
    const positions = positionsOf(div(sub(0.5, corner), side), half, s, size);
    const hats = hatWeights(clamp(positions, 0, s - 1), reachOf(half, s, size), s);
    return mul(hats, coverage(positions, mul(half, (2 * s) / size), s));
  };
  return matmul(weights(1), matmul(map, weights(0), false, true));
}

/** Where the pixels of a square are in its source, p_i, for centres and half sides [N, 1]: [N, size]. */
function positionsOf(centre: Value, half: Value, from: number, size: number): Value {
  const steps = Float32Array.from({ length: size }, (_, i) => ((2 * i + 1) / size - 1) * from);
  const offsets = mul(half, constant(float32([1, size], steps)));
  return sub(add(mul(centre, from), offsets), 0.5);
}

/** r, [N, 1]. */
function reachOf(half: Value, from: number, size: number): Value {
  return maximum(mul(half, (2 * from) / size), 1);
}

/** W of one axis, [N, size, from]. */
function hatWeights(positions: Value, reach: Value, from: number): Value {
  const [n, size] = positions.shape;
  const sources = constant(
    float32(
      [1, 1, from],
      Array.from({ length: from }, (_, i) => i),
    ),
  );
  const distance = abs(sub(sources, reshape(positions, [n, size, 1])));
  const hats = relu(sub(1, div(distance, reshape(reach, [n, 1, 1]))));
  return div(hats, sum(hats, [2], { keep: true }));
}

/** The share of each cell, so `wide` [N, 1] in pixels of the source, that lies over it: [N, size, 1]. */
function coverage(positions: Value, wide: Value, from: number): Value {
  const [n, size] = positions.shape;
  const reach = mul(wide, 0.5);
  const last = minimum(add(positions, reach), from - 0.5);
  const first = maximum(sub(positions, reach), -0.5);
  return reshape(clamp(div(sub(last, first), wide), 0, 1), [n, size, 1]);
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
