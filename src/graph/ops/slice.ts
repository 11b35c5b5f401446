// Slices, their transpose (placing a tensor inside zeros), padding, concatenation and splitting.

import { normaliseAxis, type Shape, showShape, sizeOf } from '../../core/shape.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import { graphError, showType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { gatherStrided, stridesOf, walk } from './walk.ts';

/** Every so-manieth element of a block. */
export interface Region {
  /** First index along each axis. */
  readonly starts: readonly number[];
  /** Distance between taken elements along each axis, at least 1. */
  readonly steps: readonly number[];
  /** Shape of the slice. */
  readonly size: Shape;
}

function regionFits({ starts, steps, size }: Region, shape: Shape): boolean {
  return shape.every(
    (dim, i) => size[i] >= 1 && starts[i] >= 0 && starts[i] + (size[i] - 1) * steps[i] < dim,
  );
}

export const sliceOp: Op<Region> = {
  name: 'slice',
  infer: ([x], region) => {
    if (region.size.length !== x.shape.length || !regionFits(region, x.shape)) {
      throw graphError('slice', `a region inside ${showShape(x.shape)}`, JSON.stringify(region));
    }
    return [{ shape: region.size, dtype: x.dtype }];
  },
  vjp: (node, [g]) => [g && place(g, node.inputs[0].shape, node.attrs.starts, node.attrs.steps)],
  portable: (b, node, [x]) => [emitSlice(b, x, node.inputs[0].shape, node.attrs)],
  reference: ([x], { starts, steps, size }) => {
    const strides = stridesOf(x.shape);
    const start = starts.reduce((sum, s, i) => sum + s * strides[i], 0);
    return [
      gatherStrided(
        x.data,
        size,
        steps.map((step, i) => step * strides[i]),
        start,
      ),
    ];
  },
};

/** Slice over the axes that are really cut. */
function emitSlice(
  b: OnnxBuilder,
  x: string,
  from: Shape,
  { starts, steps, size }: Region,
): string {
  const axes = size.flatMap((dim, i) => (dim === from[i] ? [] : [i]));
  if (axes.length === 0) return x;
  const pick = (values: readonly number[]) => b.ints(axes.map((axis) => values[axis]));
  const ends = size.map((dim, i) => starts[i] + (dim - 1) * steps[i] + 1);
  return b.op('Slice', [x, pick(starts), pick(ends), b.ints(axes), pick(steps)]);
}

/** Transpose of `slice`: zeros everywhere but on the region. */
export const placeOp: Op<Region & { shape: Shape }> = {
  name: 'place',
  infer: ([x], { shape, ...region }) => {
    if (!regionFits({ ...region, size: x.shape }, shape)) {
      throw graphError('place', `a region inside ${showShape(shape)}`, JSON.stringify(region));
    }
    return [{ shape, dtype: x.dtype }];
  },
  vjp: (node, [g]) => [
    g && apply(sliceOp, [g], { ...pickRegion(node.attrs), size: node.inputs[0].shape }),
  ],
  portable: (b, node, [x]) => [emitPlace(b, x, node.inputs[0].shape, node.attrs)],
  reference: ([x], { starts, steps, shape }) => {
    const out = new Float64Array(sizeOf(shape));
    const strides = stridesOf(shape);
    const start = starts.reduce((sum, s, i) => sum + s * strides[i], 0);
    walk(x.shape, [steps.map((step, i) => step * strides[i])], ([offset], flat) => {
      out[start + offset] = x.data[flat];
    });
    return [out];
  },
};

function pickRegion({ starts, steps }: Region): Omit<Region, 'size'> {
  return { starts, steps };
}

/** Steps above 1 become an axis of their own, padded with zeros behind each element. */
function emitPlace(
  b: OnnxBuilder,
  x: string,
  from: Shape,
  { starts, steps, shape }: Region & { shape: Shape },
): string {
  let value = x;
  let dilated = [...from];
  if (steps.some((step) => step > 1)) {
    const split = from.flatMap((dim) => [dim, 1]);
    const after = steps.flatMap((step) => [0, step - 1]);
    value = b.op('Pad', [
      b.op('Reshape', [value, b.ints(split)]),
      b.ints([...after.map(() => 0), ...after]),
    ]);
    dilated = from.map((dim, i) => dim * steps[i]);
    value = b.op('Reshape', [value, b.ints(dilated)]);
  }
  // the dilated tensor may reach past the end by up to step - 1 zeros: a negative pad cuts them
  const behind = shape.map((dim, i) => dim - starts[i] - dilated[i]);
  const cut = dilated.map((dim, i) => dim + Math.min(0, behind[i]));
  value = emitSlice(b, value, dilated, {
    starts: dilated.map(() => 0),
    steps: dilated.map(() => 1),
    size: cut,
  });
  const pads = [...starts, ...behind.map((pad) => Math.max(0, pad))];
  return pads.every((pad) => pad === 0) ? value : b.op('Pad', [value, b.ints(pads)]);
}

export const concatOp: Op<{ axis: number }> = {
  name: 'concat',
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    const agree = inputs.every(
      (x) =>
        x.dtype === first.dtype &&
        x.shape.length === first.shape.length &&
        x.shape.every((dim, i) => i === axis || dim === first.shape[i]),
    );
    if (!agree || axis < 0 || axis >= first.shape.length) {
      throw graphError(
        'concat',
        `types that agree but for axis ${axis}`,
        inputs.map(showType).join(' and '),
      );
    }
    const total = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    return [{ shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype }];
  },
  vjp: (node, [g], needed) => {
    const { axis } = node.attrs;
    let start = 0;
    return node.inputs.map((x, i) => {
      const from = start;
      start += x.shape[axis];
      return g && needed[i] ? slice(g, axis, from, start) : undefined;
    });
  },
  portable: (b, node, inputs) => [b.op('Concat', inputs, { axis: node.attrs.axis })],
  reference: (inputs, { axis }, node) => {
    const { shape } = node.outputs[0];
    const out = new Float64Array(sizeOf(shape));
    const strides = stridesOf(shape);
    let start = 0;
    for (const x of inputs) {
      walk(x.shape, [strides], ([offset], flat) => {
        out[start * strides[axis] + offset] = x.data[flat];
      });
      start += x.shape[axis];
    }
    return [out];
  },
};

/** Elements `start, start + step, ...` below `end` along one axis. */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  const at = axisOf('slice', x, axis);
  const count = Math.ceil((end - start) / step);
  if (start === 0 && step === 1 && count === x.shape[at]) return x;
  return apply(sliceOp, [x], {
    starts: x.shape.map((_, i) => (i === at ? start : 0)),
    steps: x.shape.map((_, i) => (i === at ? step : 1)),
    size: x.shape.map((dim, i) => (i === at ? count : dim)),
  });
}

/** `x` inside zeros of `shape`, at `starts` with gaps of `steps`. */
export function place(
  x: Value,
  shape: Shape,
  starts: readonly number[],
  steps: readonly number[] = starts.map(() => 1),
): Value {
  return apply(placeOp, [x], { shape, starts, steps, size: x.shape });
}

/** Zeros around a tensor: `[before, after]` for each axis. */
export function pad(x: Value, pads: readonly (readonly [number, number])[]): Value {
  return place(
    x,
    x.shape.map((dim, i) => dim + pads[i][0] + pads[i][1]),
    pads.map(([before]) => before),
  );
}

/** Values that agree in all axes but one, one behind the other along that axis. */
export function concat(values: readonly Value[], axis: number): Value {
  if (values.length === 0) throw graphError('concat', 'at least one value', 'none');
  if (values.length === 1) return values[0];
  return apply(concatOp, values, { axis: normaliseAxis(axis, values[0].shape.length) });
}

/**
 * Pieces of `x` along an axis, in order: the inverse of `concat`. `sizes` has the size of each
 * piece, or is the number of equal pieces. Throws where the sizes do not add up to the axis.
 */
export function split(x: Value, axis: number, sizes: number | readonly number[]): Value[] {
  const at = axisOf('split', x, axis);
  const each =
    typeof sizes === 'number'
      ? Array.from({ length: sizes }, () => x.shape[at] / sizes)
      : [...sizes];
  const total = each.reduce((sum, size) => sum + size, 0);
  if (each.some((size) => !Number.isInteger(size) || size < 1) || total !== x.shape[at]) {
    throw graphError(
      'split',
      `whole positive sizes that add up to ${x.shape[at]}, axis ${at} of ${showShape(x.shape)}`,
      typeof sizes === 'number' ? `${sizes} equal pieces` : showShape(sizes),
    );
  }
  let start = 0;
  return each.map((size) => {
    start += size;
    return slice(x, at, start - size, start);
  });
}

function axisOf(where: string, x: Value, axis: number): number {
  const at = normaliseAxis(axis, x.shape.length);
  if (x.shape[at] !== undefined) return at;
  throw graphError(where, `an axis of ${showShape(x.shape)}`, `axis ${axis}`);
}
