// Cosine similarity by the engine: rows of unit norm, their products, and the best of them.

import { hostTensor } from '../core/tensor.ts';
import { lower } from '../graph/lower.ts';
import { filled, input } from '../graph/ops/leaf.ts';
import { gemm } from '../graph/ops/matmul.ts';
import { topK } from '../graph/ops/top-k.ts';
import type { Value } from '../graph/value.ts';
import { createSession } from '../runtime/node.ts';
import type { Session } from '../runtime/session.ts';

/** Rows scaled to unit l2 norm, `[n, dimension]` in and out; rows of zeros stay. */
export function unitRows(rows: Float32Array, dimension: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += dimension) {
    let squares = 0;
    for (let i = start; i < start + dimension; i++) squares += rows[i] ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = start; i < start + dimension; i++) out[i] = rows[i] * scale;
  }
  return out;
}

/** Rows one behind the other. */
export function joinRows(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}

/** Products of each query with each row: queries [q, d], rows [n, d], as values. */
function products(q: number, n: number, d: number): Value {
  return gemm(input('queries', [q, d]), input('rows', [n, d]), filled([n], 0), { transB: true });
}

/** A graph that finds the `k` rows with the largest products: feeds `queries` and `rows`. */
export async function nearestSession(q: number, n: number, d: number, k: number): Promise<Session> {
  const { values, indices } = topK(products(q, n, d), k);
  return await createSession(lower({ values, indices }).bytes);
}

/** Cosine similarities of all pairs, `[n, n]`, of rows of any norm, `[n, dimension]`. */
export async function allSimilarities(
  vectors: Float32Array,
  dimension: number,
): Promise<Float32Array> {
  const n = vectors.length / dimension;
  const session = await createSession(lower({ y: products(n, n, dimension) }).bytes);
  try {
    const rows = hostTensor('float32', [n, dimension], unitRows(vectors, dimension));
    return (await session.run({ queries: rows, rows })).y.data as Float32Array;
  } finally {
    await session.close();
  }
}
