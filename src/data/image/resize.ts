// The one resampling of the project: antialiased bilinear on raw pixels, shared by Node and browser.
// Same filter as Pillow's BILINEAR and torchvision's `antialias=True`, with a float crop box.

import type { Box } from '../../core/example.ts';
import type { RawImage } from '../../core/raw-image.ts';

/** The filter of one axis: output `i` is the sum of `weights[i * width + t] * input[starts[i] + t]`. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  /** Room per output in `weights`. */
  readonly width: number;
}

export interface ResizeOptions {
  /** Mirror the result left to right. */
  readonly flip?: boolean;
}

/**
 * Cuts `box` out of the image and resizes it to `width` x `height` in one resampling.
 *
 * The triangle filter is one output pixel wide on either side (one input pixel when enlarging) and
 * sees the image beyond the box. Parts of the box outside the image repeat its border. Values are
 * rounded once, at the end.
 */
export function resizeCrop(
  image: RawImage,
  box: Box,
  width: number,
  height: number,
  options: ResizeOptions = {},
): RawImage {
  const columns = filterTaps(image.width, box[0], box[2], width, options.flip);
  const rows = filterTaps(image.height, box[1], box[3], height);
  const { lines, first } = resizeRows(image, columns, rows, width);
  return { width, height, data: resizeColumns(lines, first, rows, width * 3, height) };
}

/** The box that is the whole image. */
export function wholeBox({ width, height }: { width: number; height: number }): Box {
  return [0, 0, width, height];
}

function filterTaps(
  input: number,
  start: number,
  length: number,
  output: number,
  flip = false,
): Taps {
  const scale = length / output;
  const support = Math.max(scale, 1);
  const width = Math.ceil(support * 2) + 1;
  const starts = new Int32Array(output);
  const counts = new Int32Array(output);
  const weights = new Float64Array(output * width);
  for (let i = 0; i < output; i++) {
    const at = flip ? output - 1 - i : i;
    // pixel centres are at +0.5; outside the image the border repeats
    const centre = clamp(start + (i + 0.5) * scale, 0.5, input - 0.5);
    const from = Math.max(0, Math.floor(centre - support + 0.5));
    const to = Math.min(input, Math.floor(centre + support + 0.5));
    let total = 0;
    for (let x = from; x < to; x++) {
      const weight = Math.max(0, 1 - Math.abs((x + 0.5 - centre) / support));
      weights[at * width + x - from] = weight;
      total += weight;
    }
    for (let t = 0; t < to - from; t++) weights[at * width + t] /= total;
    starts[at] = from;
    counts[at] = to - from;
  }
  return { starts, counts, weights, width };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Horizontal pass, over only those input rows that the vertical pass reads. */
function resizeRows(image: RawImage, columns: Taps, rows: Taps, width: number) {
  const first = rows.starts.reduce((least, start) => Math.min(least, start), image.height);
  let last = 0;
  rows.starts.forEach((start, i) => {
    last = Math.max(last, start + rows.counts[i]);
  });
  const lines = new Float32Array((last - first) * width * 3); // [row, x, channel]
  for (let y = first; y < last; y++) {
    resizeRow(image.data, y * image.width * 3, columns, lines, (y - first) * width * 3);
  }
  return { lines, first };
}

function resizeRow(
  data: Uint8Array,
  rowAt: number,
  { starts, counts, weights, width }: Taps,
  lines: Float32Array,
  lineAt: number,
): void {
  let to = lineAt;
  for (let x = 0; x < starts.length; x++) {
    let from = rowAt + starts[x] * 3;
    const end = x * width + counts[x];
    let red = 0;
    let green = 0;
    let blue = 0;
    for (let t = x * width; t < end; t++) {
      const weight = weights[t];
      red += weight * data[from];
      green += weight * data[from + 1];
      blue += weight * data[from + 2];
      from += 3;
    }
    lines[to] = red;
    lines[to + 1] = green;
    lines[to + 2] = blue;
    to += 3;
  }
}

function resizeColumns(
  lines: Float32Array,
  first: number,
  { starts, counts, weights, width }: Taps,
  stride: number,
  height: number,
): Uint8Array {
  const out = new Uint8Array(height * stride);
  const sum = new Float32Array(stride);
  for (let y = 0; y < height; y++) {
    sum.fill(0.5); // rounds to nearest when truncated to 8 bits
    for (let t = 0; t < counts[y]; t++) {
      const weight = weights[y * width + t];
      const line = (starts[y] - first + t) * stride;
      for (let i = 0; i < stride; i++) sum[i] += weight * lines[line + i];
    }
    out.set(sum, y * stride);
  }
  return out;
}
