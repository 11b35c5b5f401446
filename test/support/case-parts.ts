// What generators of op cases share: random tensors, shapes that fit, and cases of whole families.
import type { RandomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { type DType, float32, type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import * as pool from '../../src/graph/ops/pool.ts';
import * as window from '../../src/graph/ops/window.ts';
import { apply, type Value } from '../../src/graph/value.ts';

export interface OpCase {
  /** The inputs x0, x1, ... */
  readonly inputs: readonly HostTensor[];
  readonly build: (...x: Value[]) => Value;
  /** Inputs to check the gradient of; all float inputs unless given. */
  readonly differentiable?: readonly number[];
}

export type Generator = (r: RandomStream) => OpCase;

/** Sizes from 1 to `most`. */
export const shapeOf = (r: RandomStream, rank: number, most = 4): number[] =>
  Array.from({ length: rank }, () => 1 + r.integer(most));

/** Numbers at least 0.05 apart from each other and from the given points, in random order. */
export function spread(r: RandomStream, shape: readonly number[], low = -2, high = 2): HostTensor {
  const n = sizeOf(shape);
  const order = r.permutation(n);
  const step = (high - low) / n;
  return float32(
    shape,
    order.map((k) => low + (k + r.uniform(0.25, 0.75)) * step),
  );
}

export function typed(
  dtype: DType,
  shape: readonly number[],
  values: readonly number[],
): HostTensor {
  if (dtype === 'int64') return hostTensor('int64', shape, BigInt64Array.from(values, BigInt));
  if (dtype === 'bool') return hostTensor('bool', shape, Uint8Array.from(values));
  return float32(shape, values);
}

/** Numbers that keep a distance from the kinks of clamps and masks. */
export function away(
  r: RandomStream,
  shape: readonly number[],
  kinks: readonly number[],
  span = 3,
) {
  return float32(
    shape,
    Array.from({ length: sizeOf(shape) }, () => {
      for (;;) {
        const v = r.uniform(-span, span);
        if (kinks.every((k) => Math.abs(v - k) > 0.02)) return v;
      }
    }),
  );
}

/** Two shapes that broadcast against each other. */
function broadcastPair(r: RandomStream): [number[], number[]] {
  const full = shapeOf(r, 3);
  const left = full.map((d) => (r.chance(0.3) ? 1 : d));
  const right = full.map((d) => (r.chance(0.3) ? 1 : d)).slice(r.integer(3));
  return [left, right];
}

export const binary =
  (op: (x: Value, y: Value) => Value, low = -2, high = 2): Generator =>
  (r) => {
    const [left, right] = broadcastPair(r);
    return { inputs: [spread(r, left, low, high), spread(r, right, low, high)], build: op };
  };

export const unary =
  (op: (x: Value) => Value, low = -2, high = 2): Generator =>
  (r) => ({ inputs: [spread(r, shapeOf(r, 3), low, high)], build: op });

export const clamped =
  (op: (x: Value) => Value, kinks: number[], span = 3): Generator =>
  (r) => ({ inputs: [away(r, shapeOf(r, 3), kinks, span)], build: op });

/** A random convolution: every kind of stride, padding, dilation and grouping. */
export function convCase(r: RandomStream): {
  x: number[];
  w: number[];
  attrs: window.ConvAttrs;
  bias: boolean;
} {
  for (;;) {
    const groups = r.pick([1, 1, 2, 3]);
    const depthwise = r.chance(0.3);
    const cg = depthwise ? 1 : 1 + r.integer(3);
    const og = depthwise ? 1 : 1 + r.integer(3);
    const g = depthwise ? 1 + r.integer(4) : groups;
    const kernel: [number, number] = r.chance(0.3) ? [1, 1] : [1 + r.integer(4), 1 + r.integer(4)];
    const attrs: window.ConvAttrs = {
      strides: r.chance(0.4) ? [1, 1] : [1 + r.integer(3), 1 + r.integer(3)],
      pads: [0, 1, 2, 3].map(() => (r.chance(0.3) ? 0 : r.integer(3))) as never,
      dilations: r.chance(0.6) ? [1, 1] : [1 + r.integer(2), 1 + r.integer(2)],
      groups: g,
    };
    const x = [1 + r.integer(3), cg * g, 3 + r.integer(6), 3 + r.integer(6)];
    const out = [0, 1].map((i) => window.outputExtent(x[i + 2], kernel[i], attrs, i as 0 | 1));
    if (out[0] < 1 || out[1] < 1) continue;
    return { x, w: [og * g, cg, ...kernel], attrs, bias: r.chance(0.5) };
  }
}

export function poolCase(r: RandomStream): { x: number[]; attrs: window.PoolAttrs } {
  const kernel: [number, number] = [1 + r.integer(3), 1 + r.integer(3)];
  const pad = (k: number) => (r.chance(0.5) ? 0 : r.integer(Math.floor(k / 2) + 1));
  return {
    x: [1 + r.integer(2), 1 + r.integer(3), 4 + r.integer(5), 4 + r.integer(5)],
    attrs: {
      kernel,
      strides: [1 + r.integer(3), 1 + r.integer(3)],
      pads: [pad(kernel[0]), pad(kernel[1]), pad(kernel[0]), pad(kernel[1])],
      dilations: [1, 1],
      groups: 1,
    },
  };
}

export function convShapes(r: RandomStream) {
  const { x, w, attrs, bias } = convCase(r);
  const y = [
    x[0],
    w[0],
    window.outputExtent(x[2], w[2], attrs, 0),
    window.outputExtent(x[3], w[3], attrs, 1),
  ];
  return { x, w, y, attrs, bias };
}

export function maxPoolParts(r: RandomStream) {
  const { x, attrs } = poolCase(r);
  const input = spread(r, x);
  const pooled = (v: Value) => apply(pool.maxPoolOp, [v], attrs);
  const y = pooled(constant(input)).shape;
  return { x, y, attrs, input, pooled };
}
