// Pooling in blocks.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { float32 } from '../../core/tensor.ts';
import type { PoolAttrs } from '../ops/window.ts';
import { cutMap } from './conv.ts';
import { interleave } from './conv-grad-input.ts';
import { mapLayout } from './layout.ts';
import type { BlockedRule } from './rule.ts';
import { BLOCKED_DOMAIN, type BlockedWriter } from './writer.ts';

/** A pooling layer on maps that are in blocks already. */
function pooling<A extends PoolAttrs>(type: string, extra: (attrs: A) => object): BlockedRule<A> {
  return {
    plan: ({ inputs: [x] }, view) => {
      const map = mapLayout(view.block);
      return view.layoutOf(x) ? { inputs: [map], outputs: [map] } : undefined;
    },
    write: ({ b }, { attrs }, [x]) => {
      const { kernel, strides, pads } = attrs;
      const attributes = { kernel_shape: kernel, strides, pads, ...extra(attrs) };
      return [b.op(type, [x], attributes, BLOCKED_DOMAIN)];
    },
  };
}

export const maxPoolRule: BlockedRule<PoolAttrs> = pooling('MaxPool', () => ({}));

export const avgPoolRule: BlockedRule<PoolAttrs & { includePad: boolean }> = pooling(
  'AveragePool',
  ({ includePad }) => ({ count_include_pad: Number(includePad) }),
);

export const globalAveragePoolRule: BlockedRule<null> = {
  plan: ({ inputs: [x] }, view) => {
    const map = mapLayout(view.block);
    return view.layoutOf(x) ? { inputs: [map], outputs: [map] } : undefined;
  },
  write: (w, node, [x]) => {
    const { shape } = node.inputs[0];
    const area = sizeOf(shape.slice(2));
    const total = planeSums(w, x, shape);
    const mean = w.b.op('Mul', [total, w.b.scalar(1 / area)]);
    return [w.reshape(mean, [shape[0], w.up(shape[1]), 1, 1])];
  },
};

/**
 * Sums of a blocked map over height and width, [N, padded C]. Rows first, then their sums: long
 * running sums in float32 would lose digits.
 */
export function planeSums(w: BlockedWriter, x: string, [n, c, h, width]: Shape): string {
  const { b, block } = w;
  const planes = (n * w.up(c)) / block;
  const rows = w.globalAverage(w.reshape(x, [planes * h, block, 1, width]));
  const all = w.globalAverage(w.reshape(rows, [planes, block, 1, h]));
  const mean = w.reshape(all, [n, w.up(c)]);
  return b.op('Mul', [mean, b.scalar(h * width)]);
}

/**
 * dy goes to the first maximum of each window. For each tap of the window, a depthwise convolution
 * compares the maximum with the element under the tap: hardSigmoid(1 - huge (y - x)) is 1 where
 * they are equal. Padding compares as zero, so with padding the map must not be negative and
 * zeros must not count (`positive`).
 */
export const maxPoolGradRule: BlockedRule<PoolAttrs> = {
  plan: (node, view) => {
    const [x, y] = node.inputs;
    const map = mapLayout(view.block);
    if (!view.layoutOf(x) || !view.layoutOf(y)) return undefined;
    if (node.attrs.pads.some((pad) => pad > 0) && !view.positive(node)) return undefined;
    return { inputs: [map, map, map], outputs: [map] };
  },
  write: (w, node, [x, y, dy], _, fused) => {
    const { b } = w;
    const steep = 2 ** 100;
    const attrs = node.attrs;
    const [xs, ys] = node.inputs.map((value) => value.shape);
    const grid = [0, 1].map((i) => Math.max(ys[i + 2], Math.ceil(xs[i + 2] / attrs.strides[i])));
    let remaining = dy;
    if (fused.positive) {
      const mask = b.op('HardSigmoid', [y], { alpha: { float: steep }, beta: { float: 0 } });
      remaining = b.op('Mul', [dy, mask]);
    }
    const phases: (string | undefined)[][] = Array.from({ length: attrs.strides[0] }, () =>
      Array.from({ length: attrs.strides[1] }, () => undefined),
    );
    const last = attrs.kernel[0] * attrs.kernel[1] - 1;
    for (let tap = 0; tap <= last; tap++) {
      const at = [Math.floor(tap / attrs.kernel[1]), tap % attrs.kernel[1]];
      const offset = at.map((i, axis) => i - attrs.pads[axis]);
      const hit = tapConvolution(w, x, xs, ys, offset, attrs, y);
      const share = b.op('Mul', [remaining, hit]);
      if (tap < last) remaining = b.op('Sub', [remaining, share]);
      const [i, j] = offset.map((d, axis) => modulo(d, attrs.strides[axis]));
      const shift = offset.map((d, axis) => Math.floor(d / attrs.strides[axis]));
      phases[i][j] = shifted(w, share, ys, shift, grid, phases[i][j]);
    }
    return [interleave(w, phases, xs, grid)];
  },
};

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}

/** 1 where the element at `offset` from each window's corner equals y, else 0. */
function tapConvolution(
  w: BlockedWriter,
  x: string,
  xs: Shape,
  ys: Shape,
  offset: readonly number[],
  { strides }: PoolAttrs,
  y: string,
): string {
  const size = offset.map((d) => Math.abs(d) + 1);
  const hot = offset.map((d) => Math.max(0, d));
  const before = offset.map((d) => Math.max(0, -d));
  const behind = offset.map(
    (_, i) => (ys[i + 2] - 1) * strides[i] + size[i] - before[i] - xs[i + 2],
  );
  // rows beyond the last window are cut where they would make for one more
  const rows = behind.map((pad, i) => xs[i + 2] + (pad <= -strides[i] ? pad : 0));
  return w.convolve(cutMap(w, x, xs, rows), oneHot(w, xs[1], size, hot, -1), {
    sum: y,
    groups: w.up(xs[1]),
    strides,
    pads: [...before, ...behind.map((pad) => Math.max(0, pad))],
    activation: { name: 'HardSigmoid', params: [-(2 ** 100), 1] },
  });
}

/** `out[q] = x[q - shift]` on the grid, plus `sum`. */
function shifted(
  w: BlockedWriter,
  x: string,
  ys: Shape,
  shift: readonly number[],
  grid: readonly number[],
  sum: string | undefined,
): string {
  const still = shift.every((c, i) => c === 0 && grid[i] === ys[i + 2]);
  if (still) return sum === undefined ? x : w.b.op('Add', [sum, x]);
  const size = shift.map((c) => Math.abs(c) + 1);
  const hot = shift.map((c) => Math.max(0, -c));
  const before = shift.map((c) => Math.max(0, c));
  const after = shift.map((_, i) => grid[i] - ys[i + 2] - before[i] + size[i] - 1);
  return w.convolve(x, oneHot(w, ys[1], size, hot, 1), {
    sum,
    groups: w.up(ys[1]),
    pads: [...before, ...after],
  });
}

/** A depthwise kernel with `value` at one place, in blocks. */
function oneHot(
  w: BlockedWriter,
  channels: number,
  size: readonly number[],
  hot: readonly number[],
  value: number,
): string {
  const { block } = w;
  const area = size[0] * size[1];
  const kernel = new Float32Array(w.up(channels) * area);
  const place = hot[0] * size[1] + hot[1];
  for (let c = 0; c < w.up(channels) / block; c++) {
    kernel.fill(value, (c * area + place) * block, (c * area + place + 1) * block);
  }
  return w.b.constant(float32([w.up(channels), 1, ...size], kernel));
}
