// 2-D convolution and its two gradients. The three form a closed family: the gradient of each
// is made of the others, so convolutions can be differentiated any number of times.
//
//   y  = conv2d(x, w)             y[n,o,r]  = sum_{c,t} x[n,c, s r + d t - p] w[o,c,t]
//   dx = conv2dGradInput(dy, w)   the transpose of conv2d in x
//   dw = conv2dGradWeight(x, dy)  the transpose of conv2d in w

import { type Shape, showShape } from '../../core/shape.ts';
import { graphError } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';
import { gradInputPortable, gradWeightPortable } from './conv-portable.ts';
import { convReference, gradInputReference, gradWeightReference } from './conv-reference.ts';
import { sum } from './sum.ts';
import { type ConvAttrs, outputExtent } from './window.ts';

/** Inputs x [N, C, H, W], w [O, C/groups, kh, kw] and optionally bias [O]. */
export const conv2dOp: Op<ConvAttrs> = {
  name: 'conv2d',
  infer: ([x, w, bias], attrs) => {
    checkConv(x.shape, w.shape, bias?.shape, attrs);
    const [n, , h, width] = x.shape;
    const [o, , kh, kw] = w.shape;
    const shape = [n, o, outputExtent(h, kh, attrs, 0), outputExtent(width, kw, attrs, 1)];
    if (shape[2] < 1 || shape[3] < 1) {
      throw graphError('conv2d', `an input of at least ${kh}x${kw} after padding`, `${h}x${width}`);
    }
    return [{ shape, dtype: x.dtype }];
  },
  vjp: (node, [g], needed) => {
    const [x, w] = node.inputs;
    if (g === undefined) return [];
    return [
      needed[0] ? conv2dGradInput(g, w, x.shape, node.attrs) : undefined,
      needed[1] ? conv2dGradWeight(x, g, w.shape, node.attrs) : undefined,
      needed[2] ? sum(g, [0, 2, 3]) : undefined,
    ];
  },
  portable: (b, node, inputs) => {
    const { strides, pads, dilations, groups } = node.attrs;
    return [b.op('Conv', inputs, { strides, pads, dilations, group: groups })];
  },
  reference: (inputs, attrs, node) => [convReference(inputs, attrs, node.outputs[0].shape)],
};

/** Inputs dy [N, O, oh, ow] and w; the result has the shape of x. */
export const conv2dGradInputOp: Op<ConvAttrs & { shape: Shape }> = {
  name: 'conv2dGradInput',
  infer: ([dy], { shape }) => [{ shape, dtype: dy.dtype }],
  vjp: (node, [g], needed) => {
    const [dy, w] = node.inputs;
    if (g === undefined) return [];
    return [
      needed[0] ? conv2d(g, w, undefined, node.attrs) : undefined,
      needed[1] ? conv2dGradWeight(g, dy, w.shape, node.attrs) : undefined,
    ];
  },
  portable: (b, node, [dy, w]) => [
    gradInputPortable(b, dy, w, node.inputs[0].shape, node.inputs[1].shape, node.attrs),
  ],
  reference: ([dy, w], attrs) => [gradInputReference(dy, w, attrs.shape, attrs)],
};

/** Inputs x and dy; the result has the shape of w. */
export const conv2dGradWeightOp: Op<ConvAttrs & { shape: Shape }> = {
  name: 'conv2dGradWeight',
  infer: ([x], { shape }) => [{ shape, dtype: x.dtype }],
  vjp: (node, [g], needed) => {
    const [x, dy] = node.inputs;
    if (g === undefined) return [];
    return [
      needed[0] ? conv2dGradInput(dy, g, x.shape, node.attrs) : undefined,
      needed[1] ? conv2d(x, g, undefined, node.attrs) : undefined,
    ];
  },
  portable: (b, node, [x, dy]) => [
    gradWeightPortable(b, x, dy, node.inputs[0].shape, node.inputs[1].shape, node.attrs),
  ],
  reference: ([x, dy], attrs) => [gradWeightReference(x, dy, attrs.shape, attrs)],
};

function checkConv(x: Shape, w: Shape, bias: Shape | undefined, { groups }: ConvAttrs): void {
  const fits =
    x.length === 4 &&
    w.length === 4 &&
    x[1] === w[1] * groups &&
    w[0] % groups === 0 &&
    (bias === undefined || bias.join() === String(w[0]));
  if (!fits) {
    throw graphError(
      'conv2d',
      'x [N, C, H, W], w [O, C/groups, kh, kw] and a bias of [O]',
      `${[x, w, ...(bias ? [bias] : [])].map(showShape).join(', ')} with ${groups} groups`,
    );
  }
}

/** One number for both axes, or one for each. */
export type Pair = number | readonly [number, number];

export function asPair(value: Pair): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

export interface ConvOptions {
  strides?: Pair;
  /** One number for all sides, or top, left, bottom, right. */
  pads?: number | readonly [number, number, number, number];
  dilations?: Pair;
  groups?: number;
}

/** 2-D cross-correlation, as every deep-learning library means it by convolution. */
export function conv2d(x: Value, w: Value, bias?: Value, options: ConvOptions = {}): Value {
  const attrs = convAttrs(options);
  return apply(conv2dOp, bias ? [x, w, bias] : [x, w], attrs);
}

export function convAttrs({
  strides = 1,
  pads = 0,
  dilations = 1,
  groups = 1,
}: ConvOptions): ConvAttrs {
  return {
    strides: asPair(strides),
    pads: typeof pads === 'number' ? [pads, pads, pads, pads] : pads,
    dilations: asPair(dilations),
    groups,
  };
}

function conv2dGradInput(dy: Value, w: Value, shape: Shape, options: ConvOptions): Value {
  return apply(conv2dGradInputOp, [dy, w], { ...convAttrs(options), shape });
}

function conv2dGradWeight(x: Value, dy: Value, shape: Shape, options: ConvOptions): Value {
  return apply(conv2dGradWeightOp, [x, dy], { ...convAttrs(options), shape });
}

export { conv2dGradInput, conv2dGradWeight };

/**
 * Padding of TensorFlow's SAME: the output has ceil(size / stride) elements, and the odd pixel
 * of padding goes to the bottom and right.
 */
export function samePads(
  size: readonly [number, number],
  kernel: readonly [number, number],
  strides: readonly [number, number],
): [number, number, number, number] {
  const total = [0, 1].map((axis) => {
    const out = Math.ceil(size[axis] / strides[axis]);
    return Math.max(0, (out - 1) * strides[axis] + kernel[axis] - size[axis]);
  });
  const before = total.map((t) => Math.floor(t / 2));
  return [before[0], before[1], total[0] - before[0], total[1] - before[1]];
}
