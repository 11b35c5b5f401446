// Which places of two photographs speak for the same class. Bilinear pooling compares images by the
// kernel <Phi(x), Phi(y)> = sum over pairs of places of <x_l, y_m>^2 / (L M) (Lin et al. 2015, section
// 3.1; Gao et al. 2016, equation 3), so that each pair has its share of the whole.

import type { HostTensor } from '../core/tensor.ts';

/** A place of the query and a place of the example that look alike. */
export interface LocationPair {
  /** Row and column of the map. */
  readonly query: readonly [row: number, column: number];
  readonly example: readonly [row: number, column: number];
  /** Share of the kernel of the two images, weighted where weights are given, 0..1. */
  readonly share: number;
}

export interface PairOptions {
  /** How many pairs at most. */
  readonly top: number;
  /** How much each place of the query counts, h * w, not negative. Default: all the same. */
  readonly weights?: ArrayLike<number>;
}

/**
 * The pairs that add most to the kernel of two images, strongest first, no place twice. Maps are
 * descriptors [1, C, h, w] as they were pooled, with the same channels. Empty where a map is zero.
 * (The signed root and the norm that follow weigh entries of Phi, not pairs.) With weights w the
 * kernel is that of sum over l, m of w_l <x_l, y_m>^2.
 */
export function locationPairs(
  query: HostTensor<'float32'>,
  example: HostTensor<'float32'>,
  { top, weights }: PairOptions,
): LocationPair[] {
  const places = query.shape[2] * query.shape[3];
  const others = example.shape[2] * example.shape[3];
  const products = squaredProducts(query, example).map(
    (v, at) => v * (weights?.[Math.floor(at / others)] ?? 1),
  );
  const total = products.reduce((sum, v) => sum + v, 0);
  if (total === 0) return [];
  const order = Array.from(products.keys()).sort((a, b) => products[b] - products[a] || a - b);
  const [takenQuery, takenExample] = [new Set<number>(), new Set<number>()];
  const pairs: LocationPair[] = [];
  for (const at of order) {
    if (pairs.length === Math.min(top, places, others) || products[at] === 0) break;
    const [l, m] = [Math.floor(at / others), at % others];
    if (takenQuery.has(l) || takenExample.has(m)) continue;
    takenQuery.add(l);
    takenExample.add(m);
    pairs.push({
      query: cellOf(l, query.shape[3]),
      example: cellOf(m, example.shape[3]),
      share: products[at] / total,
    });
  }
  return pairs;
}

/** <x_l, y_m>^2, [L, M] row by row. */
function squaredProducts(
  query: HostTensor<'float32'>,
  example: HostTensor<'float32'>,
): Float64Array {
  const [, channels, h, w] = query.shape;
  const places = h * w;
  const others = example.shape[2] * example.shape[3];
  const products = new Float64Array(places * others);
  for (let c = 0; c < channels; c++)
    for (let l = 0; l < places; l++) {
      const x = query.data[c * places + l];
      if (x === 0) continue;
      for (let m = 0; m < others; m++) {
        products[l * others + m] += x * example.data[c * others + m];
      }
    }
  return products.map((v) => v * v);
}

function cellOf(place: number, width: number): readonly [row: number, column: number] {
  return [Math.floor(place / width), place % width];
}
