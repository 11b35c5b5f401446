// Max, average and global pooling, [N, C, H, W] in.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { hostTensor } from '../../core/tensor.ts';
import { graphError } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { mul } from './arithmetic.ts';
import { asPair, conv2dGradInput, convAttrs, type Pair } from './conv.ts';
import { constant, filled } from './leaf.ts';
import { maxGradPortable, maxSelectPortable } from './max-pool-portable.ts';
import { reshape } from './movement.ts';
import { expand } from './sum.ts';
import { outputExtent, type PoolAttrs } from './window.ts';

function pooledShape(x: Shape, attrs: PoolAttrs): number[] {
  const shape = [
    x[0],
    x[1],
    outputExtent(x[2], attrs.kernel[0], attrs, 0),
    outputExtent(x[3], attrs.kernel[1], attrs, 1),
  ];
  if (shape[2] < 1 || shape[3] < 1) {
    throw graphError(
      'pool',
      `an input of at least ${attrs.kernel.join('x')}`,
      x.slice(2).join('x'),
    );
  }
  return shape;
}

/** For each output: the flat offset of the first maximum in its window, in x's layout. */
function argMaxima(x: { shape: Shape; data: Float64Array }, attrs: PoolAttrs): number[] {
  const [n, c, h, w] = x.shape;
  const [, , oh, ow] = pooledShape(x.shape, attrs);
  const out: number[] = [];
  for (let plane = 0; plane < n * c; plane++)
    for (let r = 0; r < oh; r++)
      for (let s = 0; s < ow; s++) {
        let best = -1;
        for (let i = 0; i < attrs.kernel[0]; i++)
          for (let j = 0; j < attrs.kernel[1]; j++) {
            const row = r * attrs.strides[0] + i - attrs.pads[0];
            const column = s * attrs.strides[1] + j - attrs.pads[1];
            if (row < 0 || row >= h || column < 0 || column >= w) continue;
            const at = (plane * h + row) * w + column;
            if (best < 0 || x.data[at] > x.data[best]) best = at;
          }
        out.push(best);
      }
  return out;
}

export const maxPoolOp: Op<PoolAttrs> = {
  name: 'maxPool',
  infer: ([x], attrs) => [{ shape: pooledShape(x.shape, attrs), dtype: x.dtype }],
  vjp: (node, [g]) => {
    const [x] = node.inputs;
    return [g && apply(maxPoolGradOp, [x, node.outputs[0], g], node.attrs)];
  },
  portable: (b, node, inputs) => {
    const { kernel, strides, pads } = node.attrs;
    return [b.op('MaxPool', inputs, { kernel_shape: kernel, strides, pads })];
  },
  reference: ([x], attrs) => [Float64Array.from(argMaxima(x, attrs), (at) => x.data[at])],
};

/** Inputs x, y, dy: dy goes to the first maximum of each window, in row-major order. */
export const maxPoolGradOp: Op<PoolAttrs> = {
  name: 'maxPoolGrad',
  infer: ([x]) => [x],
  vjp: (node, [g], needed) => {
    const [x, y] = node.inputs;
    const wanted = g && needed[2] ? apply(maxPoolSelectOp, [x, y, g], node.attrs) : undefined;
    return [undefined, undefined, wanted];
  },
  portable: (b, node, [x, y, dy]) => {
    const shapes = { x: node.inputs[0].shape, y: node.inputs[1].shape };
    return [maxGradPortable(b, x, y, dy, shapes, node.attrs)];
  },
  reference: ([x, , dy], attrs) => {
    const out = new Float64Array(x.data.length);
    argMaxima(x, attrs).forEach((at, i) => {
      out[at] += dy.data[i];
    });
    return [out];
  },
};

/** Inputs x, y, g (like x): g at the first maximum of each window. Transpose of maxPoolGrad. */
export const maxPoolSelectOp: Op<PoolAttrs> = {
  name: 'maxPoolSelect',
  infer: ([, y]) => [y],
  vjp: (node, [g], needed) => {
    const [x, y] = node.inputs;
    const wanted = g && needed[2] ? apply(maxPoolGradOp, [x, y, g], node.attrs) : undefined;
    return [undefined, undefined, wanted];
  },
  portable: (b, node, [x, y, g]) => {
    const shapes = { x: node.inputs[0].shape, y: node.inputs[1].shape };
    return [maxSelectPortable(b, x, y, g, shapes, node.attrs)];
  },
  reference: ([x, , g], attrs) => [Float64Array.from(argMaxima(x, attrs), (at) => g.data[at])],
};

/** Average over the window; padded zeros count when `includePad`. */
export const avgPoolOp: Op<PoolAttrs & { includePad: boolean }> = {
  name: 'avgPool',
  infer: ([x], attrs) => [{ shape: pooledShape(x.shape, attrs), dtype: x.dtype }],
  vjp: (node, [g]) => {
    if (g === undefined) return [];
    const [x] = node.inputs;
    const { kernel } = node.attrs;
    const weights = windowWeights(x.shape, node.attrs);
    const ones = filled([x.shape[1], 1, ...kernel], 1);
    return [conv2dGradInput(mul(g, weights), ones, x.shape, { ...node.attrs, groups: x.shape[1] })];
  },
  portable: (b, node, inputs) => {
    const { kernel, strides, pads, includePad } = node.attrs;
    const count_include_pad = Number(includePad);
    return [
      b.op('AveragePool', inputs, { kernel_shape: kernel, strides, pads, count_include_pad }),
    ];
  },
  reference: ([x], attrs) => {
    const [n, c, h, w] = x.shape;
    const [, , oh, ow] = pooledShape(x.shape, attrs);
    const weights = windowTable(x.shape, attrs);
    const out = new Float64Array(n * c * oh * ow);
    for (let plane = 0; plane < n * c; plane++)
      for (let r = 0; r < oh; r++)
        for (let s = 0; s < ow; s++) {
          let total = 0;
          for (let i = 0; i < attrs.kernel[0]; i++)
            for (let j = 0; j < attrs.kernel[1]; j++) {
              const row = r * attrs.strides[0] + i - attrs.pads[0];
              const column = s * attrs.strides[1] + j - attrs.pads[1];
              if (row < 0 || row >= h || column < 0 || column >= w) continue;
              total += x.data[(plane * h + row) * w + column];
            }
          out[(plane * oh + r) * ow + s] = total * weights[r * ow + s];
        }
    return [out];
  },
};

/** One over the number of elements that each window averages, [oh * ow]. */
function windowTable(x: Shape, attrs: PoolAttrs & { includePad: boolean }): Float64Array {
  const [, , oh, ow] = pooledShape(x, attrs);
  const covered = (size: number, out: number, axis: 0 | 1): number[] =>
    Array.from({ length: out }, (_, r) => {
      const first = r * attrs.strides[axis] - attrs.pads[axis];
      const last = first + attrs.kernel[axis];
      return attrs.includePad ? attrs.kernel[axis] : Math.min(last, size) - Math.max(first, 0);
    });
  const rows = covered(x[2], oh, 0);
  const columns = covered(x[3], ow, 1);
  return Float64Array.from(
    rows.flatMap((r) => columns.map((c) => 1 / (r * c))),
    (v) => v,
  );
}

function windowWeights(x: Shape, attrs: PoolAttrs & { includePad: boolean }): Value {
  const [, , oh, ow] = pooledShape(x, attrs);
  return constant(hostTensor('float32', [1, 1, oh, ow], Float32Array.from(windowTable(x, attrs))));
}

/** Mean over height and width: [N, C, H, W] -> [N, C, 1, 1]. */
export const globalAveragePoolOp: Op<null> = {
  name: 'globalAveragePool',
  infer: ([x]) => [{ shape: [x.shape[0], x.shape[1], 1, 1], dtype: x.dtype }],
  vjp: (node, [g]) => {
    const { shape } = node.inputs[0];
    return [g && expand(mul(g, 1 / sizeOf(shape.slice(2))), shape)];
  },
  portable: (b, _, inputs) => [b.op('GlobalAveragePool', inputs)],
  reference: ([x]) => {
    const area = x.shape[2] * x.shape[3];
    return [
      Float64Array.from({ length: x.shape[0] * x.shape[1] }, (_, plane) =>
        x.data.subarray(plane * area, (plane + 1) * area).reduce((a, v) => a + v / area, 0),
      ),
    ];
  },
};

export interface PoolOptions {
  kernel: Pair;
  /** Defaults to the kernel. */
  strides?: Pair;
  pads?: number | readonly [number, number, number, number];
}

function poolAttrs({ kernel, strides = kernel, pads }: PoolOptions): PoolAttrs {
  return { ...convAttrs({ strides, pads }), kernel: asPair(kernel) };
}

export function maxPool(x: Value, options: PoolOptions): Value {
  return apply(maxPoolOp, [x], poolAttrs(options));
}

export function avgPool(x: Value, options: PoolOptions & { includePad?: boolean }): Value {
  return apply(avgPoolOp, [x], { ...poolAttrs(options), includePad: options.includePad ?? true });
}

/** Mean over height and width: [N, C, H, W] -> [N, C]. */
export function globalAveragePool(x: Value): Value {
  return reshape(apply(globalAveragePoolOp, [x], null), x.shape.slice(0, 2));
}
