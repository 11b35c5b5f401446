// Fewer and equally varied numbers: projects vectors to their main directions and divides by what
// they vary there (H. Jegou, O. Chum, "Negative evidences and co-occurences in image retrieval: the
// benefit of PCA and whitening", ECCV 2012).
//
// Cosine similarity does not change with a rotation, so the eigenvectors themselves are not needed:
// any basis Q of the main subspace does, with the Cholesky factor of the covariance in it,
//   B = Q C Q' = L L',   W = L^-1 Q,   W C W' = I.
// Q comes from subspace iteration from random directions (N. Halko, P.-G. Martinsson, J. A. Tropp,
// "Finding structure with randomness", SIAM Review 2011, algorithm 4.4).

import { fail } from '../core/errors.ts';
import { randomStream } from '../core/random.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { lower } from '../graph/lower.ts';
import { filled, input } from '../graph/ops/leaf.ts';
import { gemm } from '../graph/ops/matmul.ts';
import type { Value } from '../graph/value.ts';
import { createSession } from '../runtime/node.ts';

/** y = matrix x + offset: vectors of `from` numbers to vectors of `to`. */
export interface Whitening {
  readonly from: number;
  readonly to: number;
  /** `[to, from]` */
  readonly matrix: Float32Array;
  /** `[to]`: minus the whitened mean. */
  readonly offset: Float32Array;
}

export interface WhiteningOptions {
  /** Numbers that are left, at most one below the number of vectors and at most `dimension`. */
  readonly to: number;
  /** Keys the random directions. Default: 0. */
  readonly seed?: number;
}

/** Rounds of the subspace iteration; the subspace's error shrinks with their number as a power. */
const ROUNDS = 8;

/**
 * Learns the whitening of vectors `[n, dimension]`. Throws FM_INDEX where they are too few or have
 * NaN or infinity.
 */
export async function fitWhitening(
  vectors: Float32Array,
  dimension: number,
  { to, seed = 0 }: WhiteningOptions,
): Promise<Whitening> {
  const n = vectors.length / dimension;
  if (to > Math.min(n - 1, dimension)) throw tooFew(to, n, dimension);
  if (!vectors.every(Number.isFinite)) throw notFinite();
  const mean = meanOf(vectors, dimension);
  const x = float32(
    [n, dimension],
    vectors.map((v, i) => v - mean[i % dimension]),
  );
  const stream = randomStream(seed, 'whitening');
  let q = Float64Array.from({ length: to * dimension }, () => stream.normal());
  const power = await productOf([to, dimension], [n, dimension], (q, x) =>
    times(times(q, x, { transB: true }), x),
  );
  const project = await productOf([to, dimension], [n, dimension], (q, x) => {
    const z = times(q, x, { transB: true });
    return times(z, z, { transB: true });
  });
  try {
    orthonormalise(q, dimension);
    for (let round = 0; round < ROUNDS; round++) {
      q = Float64Array.from(await power.run(q, x));
      orthonormalise(q, dimension);
    }
    const covariance = Float64Array.from(await project.run(q, x), (v) => v / (n - 1));
    const factor = cholesky(covariance, to);
    if (factor === undefined) throw tooFew(to, n, dimension);
    const matrix = Float32Array.from(solveLower(factor, q, to));
    return { from: dimension, to, matrix, offset: offsetOf(matrix, mean) };
  } finally {
    await power.close();
    await project.close();
  }
}

function tooFew(to: number, n: number, dimension: number) {
  return fail('FM_INDEX', 'whitening', {
    expected: `more than ${to} photographs that differ, and descriptors of at least ${to} numbers`,
    got: `${n} photographs with ${dimension}`,
    next: 'Whiten to fewer dimensions.',
  });
}

function notFinite() {
  return fail('FM_INDEX', 'whitening', {
    expected: 'descriptors of finite numbers',
    got: 'one with NaN or infinity',
    next: 'Check the model or weights that describe the photographs.',
  });
}

/** Whitens vectors `[n, from]`; gives `[n, to]`. */
export async function whiten(vectors: Float32Array, whitening: Whitening): Promise<Float32Array> {
  const { from, to, matrix, offset } = whitening;
  const n = vectors.length / from;
  if (n === 0) return new Float32Array(0);
  const y = gemm(input('x', [n, from]), input('matrix', [to, from]), input('offset', [to]), {
    transB: true,
  });
  const session = await createSession(lower({ y }).bytes);
  const feeds = {
    x: float32([n, from], vectors),
    matrix: float32([to, from], matrix),
    offset: float32([to], offset),
  };
  return (await session.run(feeds).finally(() => session.close())).y.data as Float32Array;
}

/** A product of two inputs as a session. */
async function productOf(
  a: [number, number],
  b: [number, number],
  build: (a: Value, b: Value) => Value,
) {
  const y = build(input('a', a), input('b', b));
  const session = await createSession(lower({ y }).bytes);
  return {
    run: async (q: Float64Array, x: HostTensor) =>
      (await session.run({ a: float32(a, q), b: x })).y.data as Float32Array,
    close: () => session.close(),
  };
}

function times(a: Value, b: Value, { transB = false } = {}): Value {
  return gemm(a, b, filled([transB ? b.shape[0] : b.shape[1]], 0), { transB });
}

function meanOf(vectors: Float32Array, dimension: number): Float64Array {
  const mean = new Float64Array(dimension);
  const n = vectors.length / dimension;
  vectors.forEach((v, i) => {
    mean[i % dimension] += v / n;
  });
  return mean;
}

function offsetOf(matrix: Float32Array, mean: Float64Array): Float32Array {
  const rows = matrix.length / mean.length;
  return Float32Array.from({ length: rows }, (_, row) => {
    let total = 0;
    for (let i = 0; i < mean.length; i++) total += matrix[row * mean.length + i] * mean[i];
    return -total;
  });
}

/** Makes the rows orthonormal, in place: Gram-Schmidt, twice, for what rounding leaves. */
function orthonormalise(rows: Float64Array, width: number): void {
  const count = rows.length / width;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * width, (i + 1) * width);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * width, (j + 1) * width);
        const share = dot(row, other);
        for (let k = 0; k < width; k++) row[k] -= share * other[k];
      }
    }
    const norm = Math.sqrt(dot(row, row)) || 1;
    for (let k = 0; k < width; k++) row[k] /= norm;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** The lower factor L of a = L L', [n, n]; undefined where `a` is singular to rounding. */
function cholesky(a: Float64Array, n: number): Float64Array | undefined {
  const l = new Float64Array(n * n);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += a[i * n + i];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i * n + j];
      for (let k = 0; k < j; k++) rest -= l[i * n + k] * l[j * n + k];
      if (i !== j) l[i * n + j] = rest / l[j * n + j];
      else if (rest > (1e-7 * trace) / n) l[i * n + i] = Math.sqrt(rest);
      else return undefined;
    }
  }
  return l;
}

/** L^-1 of the rows, [n, width]. */
function solveLower(l: Float64Array, rows: Float64Array, n: number): Float64Array {
  const width = rows.length / n;
  const out = rows.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      for (let k = 0; k < width; k++) out[i * width + k] -= l[i * n + j] * out[j * width + k];
    }
    for (let k = 0; k < width; k++) out[i * width + k] /= l[i * n + i];
  }
  return out;
}
