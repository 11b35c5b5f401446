// Index arithmetic for the float64 reference implementations. Not used when a graph runs.

import { broadcastStrides, type Shape, sizeOf, stridesOf } from '../../core/shape.ts';
import type { Reference } from '../value.ts';

/** Calls `visit` for every index of `shape` with the flat offsets under each set of strides. */
export function walk(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (offsets: readonly number[], flat: number) => void,
): void {
  const total = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (let flat = 0; flat < total; flat++) {
    visit(offsets, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      for (let s = 0; s < strides.length; s++) offsets[s] += strides[s][axis];
      if (index[axis] < shape[axis]) break;
      for (let s = 0; s < strides.length; s++) offsets[s] -= strides[s][axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

/** Applies a scalar function over broadcast inputs. */
export function mapBroadcast(
  inputs: readonly Reference[],
  shape: Shape,
  f: (...values: number[]) => number,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  const strides = inputs.map((x) => broadcastStrides(x.shape, shape));
  walk(shape, strides, (offsets, flat) => {
    out[flat] = f(...inputs.map((x, i) => x.data[offsets[i]]));
  });
  return out;
}

/** Copies elements: `out[flat] = x[offset]` while walking `shape` with `strides` from `start`. */
export function gatherStrided(
  x: Float64Array,
  shape: Shape,
  strides: readonly number[],
  start = 0,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  walk(shape, [strides], ([offset], flat) => {
    out[flat] = x[start + offset];
  });
  return out;
}

export { stridesOf };
