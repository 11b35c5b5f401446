// Where the object is, without any annotation: the localisation half of SCDA, on the map that the
// recogniser's graph returns (`nn/object-map.ts`).
// X.-S. Wei, J.-H. Luo, J. Wu, Z.-H. Zhou, "Selective convolutional descriptor aggregation for
// fine-grained image retrieval", IEEE TIP 2017. The descriptor half is `nn/scda.ts`.
import type { Box } from '../core/example.ts';
import type { FieldMap } from '../data/image/heat-map.ts';

/** The cells of an activation map that belong to the object. */
export interface ScdaMask {
  readonly width: number;
  readonly height: number;
  /** 1 inside the object, 0 outside; row-major `[height, width]`. Never empty. */
  readonly data: Uint8Array;
  /** The mean of A, above which a cell counts. */
  readonly threshold: number;
  /** True when the map said nothing (it is constant) and the mask is all ones. */
  readonly everything: boolean;
}

/**
 * M = A > mean(A), reduced to its largest 8-connected component (the first in reading order among
 * equals). A map where no cell is above the mean is constant: then every cell is taken.
 */
export function scdaMask({ width, height, data }: FieldMap): ScdaMask {
  const cells = width * height;
  let total = 0;
  for (let i = 0; i < cells; i++) total += data[i];
  const threshold = total / cells;
  const above = Uint8Array.from({ length: cells }, (_, i) => (data[i] > threshold ? 1 : 0));
  // rounding of the mean can put all cells of a constant map above it, or none
  const everything = new Set(above).size < 2;
  const mask = everything ? above.fill(1) : largestComponent(above, width, height);
  return { width, height, data: mask, threshold, everything };
}

/** The largest 8-connected component of the cells that are 1. */
function largestComponent(cells: Uint8Array, width: number, height: number): Uint8Array {
  const seen = new Uint8Array(cells.length);
  let best: number[] = [];
  for (let start = 0; start < cells.length; start++) {
    if (cells[start] === 0 || seen[start] === 1) continue;
    const component = floodFill(cells, seen, { start, width, height });
    if (component.length > best.length) best = component;
  }
  const out = new Uint8Array(cells.length);
  for (const cell of best) out[cell] = 1;
  return out;
}

function floodFill(
  cells: Uint8Array,
  seen: Uint8Array,
  { start, width, height }: { start: number; width: number; height: number },
): number[] {
  const component = [start];
  seen[start] = 1;
  for (let next = 0; next < component.length; next++) {
    const x = component[next] % width;
    const y = Math.floor(component[next] / width);
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const cell = ny * width + nx;
        if (cells[cell] === 0 || seen[cell] === 1) continue;
        seen[cell] = 1;
        component.push(cell);
      }
    }
  }
  return component;
}

/** The smallest box around the cells of at least one half, in cells. The whole map when none is. */
export function maskBox({ width, height, data }: FieldMap): Box {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!(data[y * width + x] >= 0.5)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0) return [0, 0, width, height];
  return [left, top, right - left + 1, bottom - top + 1];
}

/**
 * A box in cells of a map, in pixels of the upright picture. The network's input, whatever its
 * size, was sampled from `crop` of that picture, so a cell covers crop / map size of it.
 */
export function cellsToPixels(
  box: Box,
  map: { readonly width: number; readonly height: number },
  crop: Box,
): Box {
  const [sx, sy] = [crop[2] / map.width, crop[3] / map.height];
  return [crop[0] + box[0] * sx, crop[1] + box[1] * sy, box[2] * sx, box[3] * sy];
}

/** The object's box in pixels of the upright picture: the bounding box of the mask's cells. */
export function scdaBox(mask: FieldMap, crop: Box): Box {
  return cellsToPixels(maskBox(mask), mask, crop);
}

/** Intersection over union of two boxes, 0 to 1; 0 when both are empty. */
export function boxIou(a: Box, b: Box): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  const union = a[2] * a[3] + b[2] * b[3] - shared;
  return union > 0 ? shared / union : 0;
}
