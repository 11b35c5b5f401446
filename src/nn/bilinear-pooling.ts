// Bilinear pooling of two maps (Lin, RoyChowdhury and Maji, ICCV 2015, arXiv 1504.07889): the outer
// products of the descriptors of each place, averaged over the places.
//
//   Phi = X_A X_B' / L,   y = sign(Phi) sqrt(|Phi| + e),   z = y / |y|

import { float32, int64 } from '../core/tensor.ts';
import { div, mul } from '../graph/ops/arithmetic.ts';
import { gather } from '../graph/ops/gather.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { signedSqrt } from '../graph/ops/signed-sqrt.ts';
import type { Value } from '../graph/value.ts';
import { rowNorm } from './pairwise.ts';

/** Bounds the gradient of the root by 158: with 1e-12 fine-tuning does not leave chance. */
const ROOT_EPSILON = 1e-5;

/** A descriptor of an image, and what it was made of. */
export interface BilinearDescriptor {
  /** z, of unit norm, [N, D]. */
  readonly unit: Value;
  /** y, [N, D]. */
  readonly roots: Value;
  /** |y|, [N, 1]. */
  readonly norm: Value;
}

/** Phi = X_A X_B' / L, [N, Ca, Cb], of maps [N, Ca, h, w] and [N, Cb, h, w]. */
export function bilinearMatrix(a: Value, b: Value): Value {
  const places = a.shape[2] * a.shape[3];
  const flat = (x: Value) => reshape(x, [x.shape[0], x.shape[1], places]);
  return mul(matmul(flat(a), flat(b), false, true), 1 / places);
}

/** The signed root and the norm of some statistics phi, [N, D]. */
export function rootAndNorm(phi: Value): BilinearDescriptor {
  return unitOf(signedSqrt(phi, ROOT_EPSILON));
}

function unitOf(roots: Value): BilinearDescriptor {
  const norm = rowNorm(roots);
  return { unit: div(roots, norm), roots, norm };
}

/** Numbers of a full descriptor of maps with these channels; one number means that A = B. */
export function bilinearSize(a: number, b?: number): number {
  return b === undefined ? (a * (a + 1)) / 2 : a * b;
}

/**
 * Full bilinear pooling. Where A = B the matrix is symmetric, and D is C (C + 1) / 2: its upper
 * triangle with everything above the diagonal times sqrt 2, which has the same inner products as
 * the whole. Else D is Ca Cb.
 */
export function bilinearPooling(a: Value, b: Value = a): BilinearDescriptor {
  const [n, rows, columns] = [a.shape[0], a.shape[1], b.shape[1]];
  const phi = reshape(bilinearMatrix(a, b), [n, rows * columns]);
  if (a !== b) return rootAndNorm(phi);
  const { indices, weights } = upperTriangle(rows);
  const half = gather(phi, indices, 1);
  return unitOf(mul(signedSqrt(half, ROOT_EPSILON), weights));
}

interface Triangle {
  /** Where the entries on and above the diagonal are, row by row, int64. */
  readonly indices: Value;
  /** The root of how often each counts. */
  readonly weights: Value;
}

/** By size: those of 2048 channels take a second to make. */
const triangles = new Map<number, Triangle>();

function upperTriangle(size: number): Triangle {
  const known = triangles.get(size);
  if (known !== undefined) return known;
  const indices: number[] = [];
  const weights: number[] = [];
  for (let i = 0; i < size; i++)
    for (let j = i; j < size; j++) {
      indices.push(i * size + j);
      weights.push(i === j ? 1 : Math.SQRT2);
    }
  const shape = [indices.length];
  const made = {
    indices: constant(int64(shape, indices)),
    weights: constant(float32(shape, weights)),
  };
  triangles.set(size, made);
  return made;
}
