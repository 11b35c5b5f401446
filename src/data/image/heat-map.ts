// Small float maps (activations, masks) that lie over a region of a picture: upsampling, range,
// colours. Pure arithmetic, so that the browser draws what Node draws.
import type { Box } from '../../core/example.ts';

/** A map of `height` x `width` cells, row-major, as networks give it. */
export interface FieldMap {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

export type ColourMapName = 'viridis' | 'inferno';

/** Evenly spaced samples of matplotlib's perceptually uniform maps (CC0), dark to light. */
const COLOUR_MAPS: Readonly<Record<ColourMapName, readonly Colour[]>> = {
  viridis: [
    [68, 1, 84],
    [72, 40, 120],
    [62, 74, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [109, 205, 89],
    [180, 222, 44],
    [253, 231, 37],
  ],
  inferno: [
    [0, 0, 4],
    [27, 12, 65],
    [74, 12, 107],
    [120, 28, 109],
    [165, 44, 96],
    [207, 68, 70],
    [237, 105, 37],
    [251, 155, 6],
    [247, 209, 61],
    [252, 255, 164],
  ],
};

/** The colour of a value in [0, 1], linear between the samples; values outside are clamped. */
export function colourOf(value: number, name: ColourMapName = 'inferno'): Colour {
  const table = COLOUR_MAPS[name];
  const position = Math.min(1, Math.max(0, value)) * (table.length - 1);
  const low = Math.min(Math.floor(position), table.length - 2);
  const share = position - low;
  const channel = (c: 0 | 1 | 2): number =>
    Math.round(table[low][c] + share * (table[low + 1][c] - table[low][c]));
  return [channel(0), channel(1), channel(2)];
}

/** The map scaled to [0, 1] by its least and largest value. A constant map gives zeros. */
export function normaliseMap({ width, height, data }: FieldMap): FieldMap {
  const values = Float32Array.from(data);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? 1 / (high - low) : 0;
  return { width, height, data: values.map((value) => (value - low) * scale) };
}

/**
 * Value of the map at every pixel of a picture over whose `region` it lies, row-major
 * `[size.height, size.width]`. Bilinear with cell centres at +0.5, the border cells repeated (as
 * `align_corners=False`); pixels outside the region are NaN.
 */
export function spreadMap(
  map: FieldMap,
  region: Box,
  size: { readonly width: number; readonly height: number },
): Float32Array {
  const out = new Float32Array(size.width * size.height).fill(Number.NaN);
  const columns = axisTaps(map.width, region[0], region[2], size.width);
  const rows = axisTaps(map.height, region[1], region[3], size.height);
  for (let y = rows.from; y < rows.to; y++) {
    const above = rows.cell[y] * map.width;
    const below = Math.min(rows.cell[y] + 1, map.height - 1) * map.width;
    for (let x = columns.from; x < columns.to; x++) {
      const left = columns.cell[x];
      const right = Math.min(left + 1, map.width - 1);
      const top = mix(map.data[above + left], map.data[above + right], columns.share[x]);
      const bottom = mix(map.data[below + left], map.data[below + right], columns.share[x]);
      out[y * size.width + x] = mix(top, bottom, rows.share[y]);
    }
  }
  return out;
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** For each pixel of an axis: the cell to its left and the share of the next one. */
function axisTaps(cells: number, start: number, length: number, pixels: number) {
  const cell = new Int32Array(pixels);
  const share = new Float64Array(pixels);
  for (let p = 0; p < pixels; p++) {
    const at = ((p + 0.5 - start) / length) * cells - 0.5;
    const inside = Math.min(Math.max(at, 0), cells - 1);
    cell[p] = Math.floor(inside);
    share[p] = inside - cell[p];
  }
  const from = Math.max(0, Math.ceil(start - 0.5));
  const to = Math.min(pixels, Math.ceil(start + length - 0.5));
  return { cell, share, from, to };
}
