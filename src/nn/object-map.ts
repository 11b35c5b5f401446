// Where the object is in the image, from two maps of a network: SCDA's aggregation map (see
// `scda.ts`), fine enough for a box and in its right place.

import { add, div, mul } from '../graph/ops/arithmetic.ts';
import { reshape } from '../graph/ops/movement.ts';
import { mean } from '../graph/ops/reduce.ts';
import type { Value } from '../graph/value.ts';
import { alignToImage, cellGrid } from './receptive-field.ts';
import { aggregationMap } from './scda.ts';

/**
 * Weight of the last map beside the finer one. The finer one draws the outline; a little of the last
 * one tells the object from the texture around it. Chosen on CUB's training images (docs/search.md).
 */
const LAST_WEIGHT = 0.1;

/** Cells a side of the maps that are laid over an image of `size` pixels a side. */
export function evidenceCells(size: number): number {
  return Math.ceil(size / 4);
}

/**
 * A = F / mean(F) + 0.1 L / mean(L), of the aggregation maps F of a finer map and L of the last one,
 * each [N, C, h, w] of one image [N, size, size]. Its cells are an even grid over the image,
 * [N, cells, cells]. The object is where A is above its mean, as in SCDA. Without a finer map L alone.
 */
export function objectMap(
  { map, finer }: { readonly map: Value; readonly finer?: Value },
  size: number,
  cells = evidenceCells(size),
): Value {
  const last = placed(map, size, cells);
  if (finer === undefined) return onImage(last);
  return onImage(add(placed(finer, size, cells), mul(last, LAST_WEIGHT)));
}

function placed(map: Value, size: number, cells: number): Value {
  const sum = aggregationMap(map);
  const level = add(mean(sum, [2, 3], { keep: true }), 1e-12); // a map of zeros stays one
  return alignToImage(div(sum, level), cellGrid(map, size), size, cells);
}

/** A map of one number a cell, [N, h, w], on the same grid; `of` is the map whose cells it has. */
export function placedLike(of: Value, cells: Value, size: number): Value {
  const [n, h, w] = cells.shape;
  const grid = cellGrid(of, size);
  return onImage(alignToImage(reshape(cells, [n, 1, h, w]), grid, size, evidenceCells(size)));
}

function onImage(map: Value): Value {
  const [n, , h, w] = map.shape;
  return reshape(map, [n, h, w]);
}
