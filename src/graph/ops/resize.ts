// Bilinear resizing as two matrix products with constant weights: one rule for every engine,
// and its gradient is the transposed product.

import { float32 } from '../../core/tensor.ts';
import type { Value } from '../value.ts';
import { constant } from './leaf.ts';
import { matmul } from './matmul.ts';

/**
 * Weights [out, in] of one-dimensional bilinear interpolation with half-pixel centres
 * (`align_corners=False`); with `antialias` the triangle is widened when shrinking.
 */
export function bilinearWeights(from: number, to: number, antialias = false): Float32Array {
  const weights = new Float32Array(to * from);
  const scale = from / to;
  const support = antialias ? Math.max(1, scale) : 1;
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.ceil(centre - support);
    const last = Math.floor(centre + support);
    const taps = new Map<number, number>();
    let total = 0;
    for (let j = first; j <= last; j++) {
      const weight = 1 - Math.abs(j - centre) / support;
      if (weight <= 0) continue;
      // antialiased taps outside the image are dropped; plain ones repeat the border
      if (antialias && (j < 0 || j >= from)) continue;
      const at = Math.min(Math.max(j, 0), from - 1);
      taps.set(at, (taps.get(at) ?? 0) + weight);
      total += weight;
    }
    for (const [j, weight] of taps) weights[i * from + j] = weight / total;
  }
  return weights;
}

/** x [N, C, H, W] resized to [N, C, height, width]. */
export function resizeBilinear(
  x: Value,
  height: number,
  width: number,
  options: { antialias?: boolean } = {},
): Value {
  const [, , h, w] = x.shape;
  const rows = constant(float32([height, h], bilinearWeights(h, height, options.antialias)));
  const columns = constant(float32([width, w], bilinearWeights(w, width, options.antialias)));
  return matmul(rows, matmul(x, columns, false, true));
}
