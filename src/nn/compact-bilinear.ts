// Compact bilinear pooling by tensor sketch: Gao, Beijbom, Zhang, Darrell, "Compact bilinear pooling",
// CVPR 2016, arXiv 1511.06062, algorithm 2; Pham and Pagh, KDD 2013.
//
// The sketch of x (x) y is the circular convolution of two count sketches. By linearity the sketch of
// a mean of such products is a fixed sum of the entries of their matrix Phi = X_A X_B' / L:
//
//   t_k = sum of s1_i s2_j Phi_ij over all i, j with (h1_i + h2_j) mod d = k
//
// so no Fourier transform is needed, and the gradient of an entry is that of its bucket.

import { sizeOf } from '../core/shape.ts';
import { float32 } from '../core/tensor.ts';
import { add, mul, sub } from '../graph/ops/arithmetic.ts';
import { cast, greater, where } from '../graph/ops/compare.ts';
import { scatterAdd } from '../graph/ops/gather.ts';
import { reshape } from '../graph/ops/movement.ts';
import type { Value } from '../graph/value.ts';
import { type BilinearDescriptor, bilinearMatrix, rootAndNorm } from './bilinear-pooling.ts';
import type { Initialiser, Scope } from './scope.ts';

/** Hash tables of one side. */
export interface Hashes {
  /** h, whole numbers from 0 to d - 1, [C]. */
  readonly buckets: Value;
  /** s, 1 or -1, [C]. */
  readonly signs: Value;
}

/**
 * Compact bilinear pooling to `dimension` numbers, at most 2^23. The hash tables are drawn like
 * first numbers of parameters and kept with them as statistics: with others a classifier means
 * nothing. `a` and `b` are hashed differently, also where they are the same map.
 */
export function compactBilinearPooling(
  scope: Scope,
  a: Value,
  b: Value,
  dimension: number,
): BilinearDescriptor {
  const hashes = (map: Value, side: string): Hashes => {
    const table = (name: string, initialiser: Initialiser) =>
      scope.child(side).parameter(name, [map.shape[1]], 'statistic', initialiser);
    return { buckets: table('buckets', wholeNumbers(dimension)), signs: table('signs', signs) };
  };
  const sketch = tensorSketch([a, b], [hashes(a, 'first'), hashes(b, 'second')], dimension);
  return rootAndNorm(sketch);
}

/** The sketch t of the mean product of two maps [N, C, h, w], [N, d], before root and norm. */
export function tensorSketch(
  [a, b]: readonly [Value, Value],
  [first, second]: readonly [Hashes, Hashes],
  dimension: number,
): Value {
  const matrix = bilinearMatrix(signed(a, first), signed(b, second));
  const [n, rows, columns] = matrix.shape;
  const indices = reshape(pairBuckets(first, second, dimension), [rows * columns]);
  return scatterAdd(reshape(matrix, [n, rows * columns]), indices, 1, dimension);
}

/** Signs on the descriptors cost less than signs on their products. */
function signed(map: Value, { signs }: Hashes): Value {
  return mul(map, reshape(signs, [1, map.shape[1], 1, 1]));
}

/** (h1_i + h2_j) mod d, int64 [Ca, Cb]. Whole numbers below 2^24 are exact in float32. */
function pairBuckets(first: Hashes, second: Hashes, dimension: number): Value {
  const sums = add(
    reshape(first.buckets, [first.buckets.shape[0], 1]),
    reshape(second.buckets, [1, second.buckets.shape[0]]),
  );
  return cast(where(greater(sums, dimension - 1), sub(sums, dimension), sums), 'int64');
}

function wholeNumbers(below: number): Initialiser {
  return (shape, stream) =>
    float32(
      shape,
      Array.from({ length: sizeOf(shape) }, () => stream.integer(below)),
    );
}

const signs: Initialiser = (shape, stream) =>
  float32(
    shape,
    Array.from({ length: sizeOf(shape) }, () => (stream.chance(0.5) ? 1 : -1)),
  );
