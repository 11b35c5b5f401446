// Convolution in blocks.

import type { Shape } from '../../core/shape.ts';
import type { ConvAttrs } from '../ops/window.ts';
import type { Node } from '../value.ts';
import { kernelLayout, mapLayout, outputLayout } from './layout.ts';
import type { BlockedRule, Plan } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

/**
 * - `dense`: every input channel reaches every output channel
 * - `stem`: the same on so few input channels (an image's) that they are read as they lie
 * - `depthwise`: each channel on its own
 */
export type ConvKind = 'dense' | 'stem' | 'depthwise';

const FEW_CHANNELS = 4;

/** How a convolution with kernel `w` [O, C/groups, kh, kw] runs in blocks, if it does. */
export function convKind(w: Shape, groups: number): ConvKind | undefined {
  if (groups === 1) return w[1] <= FEW_CHANNELS ? 'stem' : 'dense';
  return w[0] === groups && w[1] === 1 ? 'depthwise' : undefined;
}

/** Layouts of (x, w, y) for a kind of convolution. */
export function convLayouts(kind: ConvKind, block: number) {
  const map = mapLayout(block);
  return {
    x: kind === 'stem' ? undefined : map,
    w: kind === 'dense' ? kernelLayout(block) : outputLayout(block),
    y: map,
  };
}

export const conv2dRule: BlockedRule<ConvAttrs> = {
  plan: (node, { block }): Plan | undefined => {
    const kind = convKind(node.inputs[1].shape, node.attrs.groups);
    if (kind === undefined) return undefined;
    const { x, w, y } = convLayouts(kind, block);
    return { inputs: [x, w, undefined], outputs: [y] };
  },
  write: (w, node, [x, kernel, bias], _, fused) => {
    const { strides, pads, dilations, groups } = node.attrs;
    const [xs, ws] = node.inputs.map((value) => value.shape);
    const parts = {
      ...fused,
      bias: bias === undefined ? undefined : w.padVector(bias, ws[0]),
    };
    if (convKind(ws, groups) === 'dense' && isPointwise(ws, node.attrs)) {
      const source = everyNth(w, x, xs, strides);
      return [w.convolve(source, kernel, parts)];
    }
    const width = groups === 1 ? 1 : w.up(groups);
    return [w.convolve(x, kernel, { ...parts, strides, pads, dilations, groups: width })];
  },
  fuses: () => true,
};

/** A 1x1 kernel without padding. */
export function isPointwise(w: Shape, { pads }: ConvAttrs): boolean {
  return w[2] === 1 && w[3] === 1 && pads.every((pad) => pad === 0);
}

/** Every nth row and column of a blocked map, from the first on. */
export function everyNth(
  w: BlockedWriter,
  x: string,
  [n, c, h, width]: Shape,
  [sh, sw]: readonly number[],
): string {
  if (sh === 1 && sw === 1) return x;
  const { b, block } = w;
  const planes = (n * w.up(c)) / block;
  const [oh, ow] = [Math.ceil(h / sh), Math.ceil(width / sw)];
  const declared = [n, w.up(c), oh, ow];
  if (h % sh === 0 && width % sw === 0) {
    const rows = w.reshape(x, [planes * oh, sh, ow, sw, block]);
    return w.reshape(w.slice(rows, [1, 3], [0, 0], [1, 1]), declared);
  }
  const rows = w.reshape(x, [planes, h, width, block]);
  const taken = b.op('Slice', [
    rows,
    b.ints([0, 0]),
    b.ints([h, width]),
    b.ints([1, 2]),
    b.ints([sh, sw]),
  ]);
  return w.reshape(taken, declared);
}

/** Rows and columns from the first up to `size`, of a blocked map. */
export function cutMap(
  w: BlockedWriter,
  x: string,
  [n, c, h, width]: Shape,
  size: readonly number[],
): string {
  if (size[0] === h && size[1] === width) return x;
  const planes = (n * w.up(c)) / w.block;
  const rows = w.reshape(x, [planes, h, width, w.block]);
  return w.reshape(w.slice(rows, [1, 2], [0, 0], size), [n, w.up(c), ...size]);
}

export type ConvNode = Node<ConvAttrs>;
