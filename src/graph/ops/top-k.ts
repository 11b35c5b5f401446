// The largest elements along the last axis, with their places. For search; no gradient.

import { graphError, showType } from '../tensor-type.ts';
import { applyMany, type Op, type Value } from '../value.ts';

/** Values and int64 places of the `k` largest, largest first; of equals the first comes first. */
export const topKOp: Op<{ k: number }> = {
  name: 'topK',
  vjp: 'opaque',
  infer: ([x], { k }) => {
    const last = x.shape.at(-1);
    if (last === undefined || !Number.isInteger(k) || k < 1 || k > last) {
      throw graphError('topK', `a last axis of at least k = ${k}`, showType(x));
    }
    const shape = [...x.shape.slice(0, -1), k];
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: 'int64' },
    ];
  },
  portable: (b, node, [x]) => b.ops('TopK', [x, b.ints([node.attrs.k])], 2, { axis: -1 }),
  reference: ([x], { k }) => {
    const n = x.shape.at(-1)!;
    const places = Array.from({ length: x.data.length / n }, (_, row) => {
      const at = x.data.subarray(row * n, (row + 1) * n);
      const order = Array.from(at, (_, i) => i).sort((i, j) => at[j] - at[i] || i - j);
      return order.slice(0, k);
    });
    const values = places.flatMap((row, r) => row.map((i) => x.data[r * n + i]));
    return [Float64Array.from(values), Float64Array.from(places.flat())];
  },
};

/** The `k` largest elements along the last axis, largest first, and where they stand. */
export function topK(x: Value, k: number): { readonly values: Value; readonly indices: Value } {
  const [values, indices] = applyMany(topKOp, [x], { k });
  return { values, indices };
}
