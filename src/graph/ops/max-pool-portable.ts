// How the gradient of max-pooling is written in standard ONNX: one comparison per window tap.
// ORT's own Indices output would need a scatter, which is slower and missing on WebGPU.

import type { Shape } from '../../core/shape.ts';
import { float32 } from '../../core/tensor.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import type { PoolAttrs } from './window.ts';

interface Shapes {
  readonly x: Shape;
  readonly y: Shape;
}

const LOWEST = -3.4028234663852886e38;

/** Rows (or columns) that all windows together span, from the first padded one. */
function spans({ x, y }: Shapes, { kernel, strides, pads }: PoolAttrs): number[] {
  return [0, 1].map((i) => Math.max((y[i + 2] - 1) * strides[i] + kernel[i], pads[i] + x[i + 2]));
}

/** x (or a value like it) with its padding, as far as the windows reach. */
function padded(
  b: OnnxBuilder,
  x: string,
  shapes: Shapes,
  attrs: PoolAttrs,
  value: number,
): string {
  const after = spans(shapes, attrs).map((span, i) => span - attrs.pads[i] - shapes.x[i + 2]);
  const pads = [0, 0, attrs.pads[0], attrs.pads[1], 0, 0, ...after];
  return pads.every((pad) => pad === 0) ? x : b.op('Pad', [x, b.ints(pads), b.scalar(value)]);
}

/** The element at tap (i, j) of every window, shaped like y. */
function tap(
  b: OnnxBuilder,
  x: string,
  i: number,
  j: number,
  { y }: Shapes,
  attrs: PoolAttrs,
): string {
  const [sh, sw] = attrs.strides;
  const ends = [i + (y[2] - 1) * sh + 1, j + (y[3] - 1) * sw + 1];
  return b.op('Slice', [x, b.ints([i, j]), b.ints(ends), b.ints([2, 3]), b.ints([sh, sw])]);
}

function eachTap(attrs: PoolAttrs, visit: (i: number, j: number, last: boolean) => void): void {
  const [kh, kw] = attrs.kernel;
  for (let i = 0; i < kh; i++)
    for (let j = 0; j < kw; j++) visit(i, j, i === kh - 1 && j === kw - 1);
}

/**
 * dx. Taps that fall on the same phase of the stride differ by whole steps of the output grid:
 * each phase is summed on that grid, and the phases are interleaved once at the end.
 */
export function maxGradPortable(
  b: OnnxBuilder,
  x: string,
  y: string,
  dy: string,
  shapes: Shapes,
  attrs: PoolAttrs,
): string {
  const [, c, oh, ow] = shapes.y;
  const [sh, sw] = attrs.strides;
  const grid = [Math.ceil(spans(shapes, attrs)[0] / sh), Math.ceil(spans(shapes, attrs)[1] / sw)];
  const xp = padded(b, x, shapes, attrs, LOWEST);
  const phases = new Map<string, string>();
  let remaining = dy;
  eachTap(attrs, (i, j, last) => {
    const hit = b.op('Cast', [b.op('Equal', [tap(b, xp, i, j, shapes, attrs), y])], { to: 1 });
    const share = b.op('Mul', [remaining, hit]);
    if (!last) remaining = b.op('Sub', [remaining, share]);
    const shift = [Math.floor(i / sh), Math.floor(j / sw)];
    const pads = [0, 0, ...shift, 0, 0, grid[0] - oh - shift[0], grid[1] - ow - shift[1]];
    const placed = pads.some((p) => p > 0) ? b.op('Pad', [share, b.ints(pads)]) : share;
    const key = `${i % sh},${j % sw}`;
    const sum = phases.get(key);
    phases.set(key, sum === undefined ? placed : b.op('Add', [sum, placed]));
  });
  // the batch may be left open: shapes copy it
  const viewed = (of: string, ...rest: number[]) => b.op('Reshape', [of, b.ints([0, ...rest])]);
  const zeros = () =>
    b.op('Expand', [b.constant(float32([1, 1, 1, 1], [0])), b.op('Shape', [phases.get('0,0')!])]);
  const rows = Array.from({ length: sh }, (_, p) => {
    const columns = Array.from({ length: sw }, (_, q) =>
      viewed(phases.get(`${p},${q}`) ?? zeros(), c * grid[0], grid[1], 1),
    );
    const joined = sw === 1 ? columns[0] : b.op('Concat', columns, { axis: 3 });
    return viewed(joined, c * grid[0], 1, grid[1] * sw);
  });
  const joined = sh === 1 ? rows[0] : b.op('Concat', rows, { axis: 2 });
  const full = viewed(joined, c, grid[0] * sh, grid[1] * sw);
  const [, , h, w] = shapes.x;
  const [top, left] = attrs.pads;
  if (top === 0 && left === 0 && grid[0] * sh === h && grid[1] * sw === w) return full;
  return b.op('Slice', [full, b.ints([top, left]), b.ints([top + h, left + w]), b.ints([2, 3])]);
}

/** The elements of g where x has the first maximum of each window. */
export function maxSelectPortable(
  b: OnnxBuilder,
  x: string,
  y: string,
  g: string,
  shapes: Shapes,
  attrs: PoolAttrs,
): string {
  const xp = padded(b, x, shapes, attrs, LOWEST);
  const gp = padded(b, g, shapes, attrs, 0);
  let free: string | undefined;
  let total: string | undefined;
  eachTap(attrs, (i, j, last) => {
    const hit = b.op('Cast', [b.op('Equal', [tap(b, xp, i, j, shapes, attrs), y])], { to: 1 });
    const first: string = free === undefined ? hit : b.op('Mul', [hit, free]);
    const part = b.op('Mul', [first, tap(b, gp, i, j, shapes, attrs)]);
    total = total === undefined ? part : b.op('Add', [total, part]);
    if (!last) free = b.op('Sub', [free ?? b.scalar(1), first]);
  });
  return total!;
}
