// The gradient of a convolution in its kernel, in blocks: again a convolution, of the input with
// the output's gradient as its kernel. The lanes of the input's blocks lie side by side with its
// columns, so that one pass gives the gradient of all of them.

import type { Shape } from '../../core/shape.ts';
import type { ConvAttrs } from '../ops/window.ts';
import { convKind, convLayouts, cutMap, everyNth, isPointwise } from './conv.ts';
import { isUnit } from './conv-grad-input.ts';
import type { BlockedRule } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

type GradWeightAttrs = ConvAttrs & { shape: Shape };

/** Up to this many kernel rows times columns, one convolution for each image is faster. */
const SMALL = 64 * 64;

interface Problem {
  readonly x: string;
  readonly dy: string;
  readonly xShape: Shape;
  readonly dyShape: Shape;
  readonly attrs: GradWeightAttrs;
}

export const gradWeightRule: BlockedRule<GradWeightAttrs> = {
  plan: (node, { block }) => {
    const { groups, dilations, shape } = node.attrs;
    const kind = convKind(shape, groups);
    if (kind === undefined || !isUnit(dilations)) return undefined;
    const { x, w, y } = convLayouts(kind, block);
    return { inputs: [x, y], outputs: [w] };
  },
  write: (w, node, [x, dy]) => {
    const { attrs } = node;
    const [xShape, dyShape] = node.inputs.map((value) => value.shape);
    const problem = { x, dy, xShape, dyShape, attrs };
    const kind = convKind(attrs.shape, attrs.groups);
    if (kind === 'depthwise') return [depthwise(w, problem)];
    if (kind === 'stem') return [stem(w, problem)];
    return [isPointwise(attrs.shape, attrs) ? pointwise(w, problem) : dense(w, problem)];
  },
};

/** Pads behind that make the correlation end at the kernel's size, and the rows that are reached. */
function reach({ xShape, dyShape, attrs }: Problem) {
  const { strides, pads, shape } = attrs;
  const after = [0, 1].map(
    (i) => strides[i] * (dyShape[i + 2] - 1) + shape[i + 2] - xShape[i + 2] - pads[i],
  );
  const size = after.map((pad, i) => xShape[i + 2] + Math.min(0, pad));
  return { after: after.map((pad) => Math.max(0, pad)), size };
}

/** [N, C, h, w] in blocks to [C, N, h, w] in canonical order, padded channels included. */
function channelsFirst(w: BlockedWriter, x: string, [n, c, h, width]: Shape): string {
  const plain = w.reshape(w.mapToCanonical(x, w.up(c)), [n, w.up(c), h * width]);
  return w.transpose(plain, [1, 0, 2]);
}

/** [O, rest] to [O/b, rest, b of O]. */
function blockRows(w: BlockedWriter, dw: string, o: number, rest: number): string {
  return w.mapFromCanonical(w.reshape(dw, [w.up(o) / w.block, w.block, rest, 1]));
}

function dense(w: BlockedWriter, problem: Problem): string {
  const { b, block } = w;
  const { xShape, dyShape, attrs } = problem;
  const [n, c] = xShape;
  const [, o, oh, ow] = dyShape;
  const { strides, pads, shape } = attrs;
  const [kh, kw] = [shape[2], shape[3]];
  const { after, size } = reach(problem);
  const x = cutMap(w, problem.x, xShape, size);
  const [op, cp] = [w.up(o), w.up(c)];
  const volume = w.reshape(x, [1, n, cp / block, size[0], size[1] * block]);
  const attributes = {
    dilations: [1, strides[0], strides[1] * block],
    pads: [0, pads[0], pads[1] * block, 0, after[0], after[1] * block],
  };
  let dw: string;
  if (op * cp <= SMALL) {
    const kernel = w.reshape(w.mapToCanonical(problem.dy, op), [n * op, 1, 1, oh, ow]);
    const each = b.op('Conv', [volume, kernel], { ...attributes, group: n });
    dw = w.sum(w.reshape(each, [n, op * cp * kh * kw]), [0]);
  } else {
    const kernel = w.reshape(channelsFirst(w, problem.dy, dyShape), [op, n, 1, oh, ow]);
    dw = b.op('Conv', [volume, kernel], attributes);
  }
  return w.reshape(blockRows(w, dw, o, cp * kh * kw), [op, cp, kh, kw]);
}

/** 1x1 without padding: the narrower of the two is the one that is transposed. */
function pointwise(w: BlockedWriter, { x, dy, xShape, dyShape, attrs }: Problem): string {
  const { b, block } = w;
  const [n, c] = xShape;
  const [, o, oh, ow] = dyShape;
  const area = oh * ow;
  const source = everyNth(w, x, xShape, attrs.strides);
  const [op, cp] = [w.up(o), w.up(c)];
  const correlate = (wide: string, width: number, narrow: string, count: number, shape: Shape) => {
    const kernel = w.reshape(channelsFirst(w, narrow, shape), [count, n, 1, area]);
    const rows = w.reshape(wide, [1, n, width / block, area * block]);
    return b.op('Conv', [rows, kernel], { dilations: [1, block] });
  };
  if (o <= c) {
    const dw = correlate(source, cp, dy, op, dyShape);
    return w.reshape(blockRows(w, dw, o, cp), [op, cp, 1, 1]);
  }
  const dw = correlate(dy, op, source, cp, [n, c, oh, ow]);
  const turned = w.transpose(w.reshape(dw, [cp, op / block, block]), [1, 0, 2]);
  return w.reshape(turned, [op, cp, 1, 1]);
}

/** Few input channels, canonical: they lie side by side with the columns after a transpose. */
function stem(w: BlockedWriter, problem: Problem): string {
  const { b, block } = w;
  const { xShape, dyShape, attrs } = problem;
  const [n, c, h, width] = xShape;
  const [, o, oh, ow] = dyShape;
  const { strides, pads, shape } = attrs;
  const [kh, kw] = [shape[2], shape[3]];
  const { after, size } = reach(problem);
  const op = w.up(o);
  let last = w.transpose(problem.x, [0, 2, 3, 1]);
  if (size[0] !== h || size[1] !== width) last = w.slice(last, [1, 2], [0, 0], size);
  const rows = w.reshape(last, [1, n, size[0], size[1] * c]);
  const kernel = w.reshape(channelsFirst(w, problem.dy, dyShape), [op, n, oh, ow]);
  const dw = b.op('Conv', [rows, kernel], {
    dilations: [strides[0], strides[1] * c],
    pads: [pads[0], pads[1] * c, after[0], after[1] * c],
  });
  const split = w.reshape(dw, [op / block, block, kh * kw, c]);
  return w.reshape(w.transpose(split, [0, 3, 2, 1]), [op, c, kh, kw]);
}

/** Every channel of every image is a group of its own; nothing moves. */
function depthwise(w: BlockedWriter, problem: Problem): string {
  const { xShape, dyShape, attrs } = problem;
  const [n, c] = xShape;
  const [, , oh, ow] = dyShape;
  const { strides, pads, shape } = attrs;
  const { after, size } = reach(problem);
  const groups = n * w.up(c);
  const x = w.reshape(cutMap(w, problem.x, xShape, size), [1, groups, ...size]);
  const kernel = w.reshape(problem.dy, [groups, 1, oh, ow]);
  const each = w.convolve(x, kernel, {
    groups,
    dilations: strides,
    pads: [pads[0], pads[1], ...after],
  });
  const total = w.sum(w.reshape(each, [n, w.up(c) * shape[2] * shape[3]]), [0]);
  return w.reshape(total, [w.up(c), 1, shape[2], shape[3]]);
}
