// How the gradients of a convolution are written in standard ONNX (docs/adr/0001).

import { type Shape, sizeOf } from '../../core/shape.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import type { ConvAttrs } from './window.ts';

type Extent = readonly [number, number];

/**
 * Gradient in the input. With stride 1 it is a convolution with the flipped, transposed kernel;
 * depthwise with larger strides the same on a gradient spread out with zeros; else ConvTranspose.
 */
export function gradInputPortable(
  b: OnnxBuilder,
  dy: string,
  w: string,
  dyShape: Shape,
  wShape: Shape,
  attrs: ConvAttrs & { shape: Shape },
): string {
  const { strides, pads, dilations, groups, shape } = attrs;
  const kernel: Extent = [wShape[2], wShape[3]];
  const reach = kernel.map((k, i) => dilations[i] * (k - 1));
  const before = [reach[0] - pads[0], reach[1] - pads[1]];
  const unit = strides[0] === 1 && strides[1] === 1;
  const depthwise = groups > 1 && wShape[1] === 1;
  if ((unit || depthwise) && before.every((pad) => pad >= 0)) {
    const spread: Extent = [(dyShape[2] - 1) * strides[0] + 1, (dyShape[3] - 1) * strides[1] + 1];
    const after = [0, 1].map((i) => shape[i + 2] - spread[i] - before[i] + reach[i]);
    if (after.every((pad) => pad >= 0)) {
      const flipped = flippedKernel(b, w, wShape, groups);
      const full = unit ? dy : dilate(b, dy, dyShape, strides);
      return b.op('Conv', [full, flipped], {
        pads: [...before, ...after],
        dilations,
        group: groups,
      });
    }
  }
  const covered = [0, 1].map(
    (i) => (dyShape[i + 2] - 1) * strides[i] + reach[i] + 1 - pads[i] - pads[i + 2],
  );
  return b.op('ConvTranspose', [dy, w], {
    strides,
    pads,
    dilations,
    group: groups,
    output_padding: [shape[2] - covered[0], shape[3] - covered[1]],
  });
}

/** Kernel with both spatial axes reversed, and in- and output channels exchanged in each group. */
function flippedKernel(b: OnnxBuilder, w: string, shape: Shape, groups: number): string {
  const [o, cg, kh, kw] = shape;
  let kernel = w;
  if (kh > 1 || kw > 1) {
    const first = -2147483648;
    kernel = b.op('Slice', [
      kernel,
      b.ints([-1, -1]),
      b.ints([first, first]),
      b.ints([2, 3]),
      b.ints([-1, -1]),
    ]);
  }
  if (groups === 1) return b.op('Transpose', [kernel], { perm: [1, 0, 2, 3] });
  if (cg === 1 && o === groups) return kernel;
  const og = o / groups;
  const split = b.op('Reshape', [kernel, b.ints([groups, og, cg, kh, kw])]);
  const swapped = b.op('Transpose', [split], { perm: [0, 2, 1, 3, 4] });
  return b.op('Reshape', [swapped, b.ints([groups * cg, og, kh, kw])]);
}

/** Zeros between the elements of the last two axes: `stride - 1` of them. */
function dilate(b: OnnxBuilder, x: string, shape: Shape, strides: Extent): string {
  const [, c, h, w] = shape;
  // the batch may be left open: shapes copy it
  const split = b.op('Reshape', [x, b.ints([0, c * h, 1, w, 1])]);
  const zeros = [0, 0, strides[0] - 1, 0, strides[1] - 1];
  const padded = b.op('Pad', [split, b.ints([0, 0, 0, 0, 0, ...zeros])]);
  const full = b.op('Reshape', [padded, b.ints([0, c, h * strides[0], w * strides[1]])]);
  return b.op('Slice', [
    full,
    b.ints([0, 0]),
    b.ints([(h - 1) * strides[0] + 1, (w - 1) * strides[1] + 1]),
    b.ints([2, 3]),
  ]);
}

/** Gradient in the kernel, by the formula that is fastest for its shape. */
export function gradWeightPortable(
  b: OnnxBuilder,
  x: string,
  dy: string,
  xShape: Shape,
  dyShape: Shape,
  attrs: ConvAttrs & { shape: Shape },
): string {
  const { groups, shape } = attrs;
  if (groups === 1) return denseGradWeight(b, x, dy, xShape, dyShape, attrs);
  if (shape[1] === 1 && shape[0] === groups) {
    return depthwiseGradWeight(b, x, dy, xShape, dyShape, attrs);
  }
  const og = shape[0] / groups;
  const part = (value: string, group: number, width: number) =>
    b.op('Slice', [value, b.ints([group * width]), b.ints([(group + 1) * width]), b.ints([1])]);
  const parts = Array.from({ length: groups }, (_, group) =>
    denseGradWeight(
      b,
      part(x, group, shape[1]),
      part(dy, group, og),
      [xShape[0], shape[1], xShape[2], xShape[3]],
      [dyShape[0], og, dyShape[2], dyShape[3]],
      { ...attrs, groups: 1, shape: [og, ...shape.slice(1)] },
    ),
  );
  return b.op('Concat', parts, { axis: 0 });
}

/** Pads that make a convolution of x with dy (strides and dilations exchanged) end at the kernel. */
function correlation(xShape: Shape, dyShape: Shape, attrs: ConvAttrs & { shape: Shape }) {
  const { strides, pads, dilations, shape } = attrs;
  const after = [0, 1].map(
    (i) =>
      strides[i] * (dyShape[i + 2] - 1) +
      1 +
      dilations[i] * (shape[i + 2] - 1) -
      xShape[i + 2] -
      pads[i],
  );
  // rows that no window reaches are cut off, since a convolution cannot pad by less than nothing
  const size = [0, 1].map((i) => xShape[i + 2] + Math.min(0, after[i]));
  return { after: after.map((pad) => Math.max(0, pad)), size };
}

function cut(b: OnnxBuilder, x: string, shape: Shape, size: readonly number[]): string {
  if (size[0] === shape[2] && size[1] === shape[3]) return x;
  return b.op('Slice', [x, b.ints([0, 0]), b.ints(size), b.ints([2, 3])]);
}

/**
 * dW[o,c,t] = sum_{n,r} dy[n,o,r] x[n,c,s r + d t - p]. A 1x1 kernel is a batched matrix product;
 * larger ones are one 3-D convolution over [1, N, C, H, W] with dy as its kernel.
 */
function denseGradWeight(
  b: OnnxBuilder,
  x: string,
  dy: string,
  xShape: Shape,
  dyShape: Shape,
  attrs: ConvAttrs & { shape: Shape },
): string {
  const [n, c] = xShape;
  const [, o, oh, ow] = dyShape;
  const { strides, pads, dilations, shape } = attrs;
  if (sizeOf(shape.slice(2)) === 1 && pads.every((pad) => pad === 0)) {
    const unit = strides[0] === 1 && strides[1] === 1;
    const seen = unit
      ? x
      : b.op('Slice', [
          x,
          b.ints([0, 0]),
          b.ints([(oh - 1) * strides[0] + 1, (ow - 1) * strides[1] + 1]),
          b.ints([2, 3]),
          b.ints(strides),
        ]);
    const rows = b.op('Reshape', [dy, b.ints([n, o, oh * ow])]);
    const columns = b.op('Transpose', [b.op('Reshape', [seen, b.ints([n, c, oh * ow])])], {
      perm: [0, 2, 1],
    });
    const products = b.op('MatMul', [rows, columns]); // [N, O, C]
    const total = b.op('ReduceSum', [products, b.ints([0])], { keepdims: 0 });
    return b.op('Reshape', [total, b.ints(shape)]);
  }
  const { after, size } = correlation(xShape, dyShape, attrs);
  const volume = b.op('Reshape', [cut(b, x, xShape, size), b.ints([1, n, c, size[0], size[1]])]);
  const kernel = b.op('Reshape', [
    b.op('Transpose', [dy], { perm: [1, 0, 2, 3] }),
    b.ints([o, n, 1, oh, ow]),
  ]);
  const out = b.op('Conv', [volume, kernel], {
    dilations: [1, ...strides],
    strides: [1, ...dilations],
    pads: [0, pads[0], pads[1], 0, ...after],
  });
  return b.op('Reshape', [out, b.ints(shape)]);
}

/** Every channel of every image is a convolution of its own; the batch is summed afterwards. */
function depthwiseGradWeight(
  b: OnnxBuilder,
  x: string,
  dy: string,
  xShape: Shape,
  dyShape: Shape,
  attrs: ConvAttrs & { shape: Shape },
): string {
  const [n, c] = xShape;
  const [, , oh, ow] = dyShape;
  const { strides, pads, dilations, shape } = attrs;
  const { after, size } = correlation(xShape, dyShape, attrs);
  const channels = b.op('Reshape', [cut(b, x, xShape, size), b.ints([1, n * c, size[0], size[1]])]);
  const kernel = b.op('Reshape', [dy, b.ints([n * c, 1, oh, ow])]);
  const out = b.op('Conv', [channels, kernel], {
    group: n * c,
    dilations: strides,
    strides: dilations,
    pads: [pads[0], pads[1], ...after],
  });
  const split = b.op('Reshape', [out, b.ints([n, ...shape])]);
  return b.op('ReduceSum', [split, b.ints([0])], { keepdims: 0 });
}
