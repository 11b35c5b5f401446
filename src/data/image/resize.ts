// The one resampling of the project: antialiased bilinear on raw pixels, shared by Node and browser.
// Same filter as Pillow's BILINEAR and torchvision's `antialias=True`, with a float crop box.

import type { Box } from '../../core/example.ts';
import type { RawImage } from '../../core/raw-image.ts';

/** The filter of one axis: output `i` is the sum of `weights[i * width + t] * input[starts[i] + t]`. */
interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float32Array;
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
  const [left, right] = reach(columns);
  const line = new Float32Array((right - left) * 3);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    mixRows(image, left, rows, y, line);
    resizeRow(line, left, columns, data, y * width * 3);
  }
  return { width, height, data };
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
  const weights = new Float32Array(output * width);
  for (let i = 0; i < output; i++) {
    const at = flip ? output - 1 - i : i;
    // pixel centres are at +0.5; outside the image the border repeats
    const centre = clamp(start + (i + 0.5) * scale, 0.5, input - 0.5);
    const from = Math.max(0, Math.floor(centre - support + 0.5));
    const to = Math.min(input, Math.floor(centre + support + 0.5));
    const weightOf = (x: number) => Math.max(0, 1 - Math.abs((x + 0.5 - centre) / support));
    let total = 0;
    for (let x = from; x < to; x++) total += weightOf(x);
    for (let x = from; x < to; x++) weights[at * width + x - from] = weightOf(x) / total;
    starts[at] = from;
    counts[at] = to - from;
  }
  return { starts, counts, weights, width };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** First input that any output reads, and the first beyond. */
function reach({ starts, counts }: Taps): [number, number] {
  let first = Number.MAX_SAFE_INTEGER;
  let end = 0;
  for (let i = 0; i < starts.length; i++) {
    first = Math.min(first, starts[i]);
    end = Math.max(end, starts[i] + counts[i]);
  }
  return [first, end];
}

/** Vertical pass for one output row: input rows, weighted and added, from column `left` on. */
function mixRows(image: RawImage, left: number, rows: Taps, y: number, line: Float32Array): void {
  const { data } = image;
  const { weights } = rows;
  const stride = image.width * 3;
  const size = line.length;
  const end = y * rows.width + rows.counts[y];
  let tap = y * rows.width;
  let at = rows.starts[y] * stride + left * 3;
  // two rows at a time: half the traffic through `line`
  if ((end - tap) % 2 === 1) {
    const weight = weights[tap++];
    for (let i = 0; i < size; i++) line[i] = weight * data[at + i];
    at += stride;
  } else line.fill(0);
  for (; tap < end; tap += 2) {
    const [v, w] = [weights[tap], weights[tap + 1]];
    const next = at + stride;
    for (let i = 0; i < size; i++) line[i] += v * data[at + i] + w * data[next + i];
    at = next + stride;
  }
}

/** Horizontal pass over a mixed row, rounded to bytes. */
function resizeRow(
  line: Float32Array,
  left: number,
  { starts, counts, weights, width }: Taps,
  out: Uint8Array,
  outAt: number,
): void {
  let to = outAt;
  for (let x = 0; x < starts.length; x++) {
    let from = (starts[x] - left) * 3;
    const end = x * width + counts[x];
    // truncation after adding a half rounds to nearest
    let red = 0.5;
    let green = 0.5;
    let blue = 0.5;
    for (let t = x * width; t < end; t++) {
      const weight = weights[t];
      red += weight * line[from];
      green += weight * line[from + 1];
      blue += weight * line[from + 2];
      from += 3;
    }
    out[to] = red;
    out[to + 1] = green;
    out[to + 2] = blue;
    to += 3;
  }
}
