// Movement of blocked maps: joining and cutting channels, repeating over cells.

import { type Shape, sizeOf } from '../../core/shape.ts';
import type { Node } from '../value.ts';
import { type Layout, layoutKey, mapLayout } from './layout.ts';
import type { BlockedRule, LayoutView } from './rule.ts';

interface Region {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly size: Shape;
}

function isMap(layout: Layout | undefined): boolean {
  return layoutKey(layout) === '1';
}

/** Joins maps along their channels, where all of them fill whole blocks. */
export const concatRule: BlockedRule<{ axis: number }> = {
  plan: (node, view: LayoutView) => {
    const whole = node.inputs.every((x) => x.shape.length === 4 && x.shape[1] % view.block === 0);
    if (node.attrs.axis !== 1 || !whole) return undefined;
    const blocked = node.inputs.some((x) => isMap(view.layoutOf(x)));
    if (!blocked && !isMap(view.wished(node.outputs[0]))) return undefined;
    const map = mapLayout(view.block);
    return { inputs: node.inputs.map(() => map), outputs: [map] };
  },
  write: (w, node, inputs) => {
    const rows = inputs.map((name, i) => {
      const { shape } = node.inputs[i];
      return w.reshape(name, [shape[0], sizeOf(shape) / shape[0]]);
    });
    return [w.reshape(w.concat(rows, 1), node.outputs[0].shape)];
  },
};

/** Takes whole blocks of channels. */
export const sliceRule: BlockedRule<Region> = {
  plan: (node, view) => {
    const [x] = node.inputs;
    if (!cutsBlocks(node, view.block)) return undefined;
    if (!isMap(view.layoutOf(x))) return undefined;
    const map = mapLayout(view.block);
    return { inputs: [map], outputs: [map] };
  },
  write: (w, node, [x]) => {
    const { shape } = node.inputs[0];
    const [n, c, h, width] = shape;
    const { starts, size } = node.attrs;
    const rows = w.reshape(x, [n, w.up(c) * h * width]);
    const from = starts[1] * h * width;
    const cut = w.slice(rows, [1], [from], [from + w.up(size[1]) * h * width]);
    return [w.reshape(cut, [n, w.up(size[1]), h, width])];
  },
};

function cutsBlocks(node: Node<Region>, block: number): boolean {
  const { shape } = node.inputs[0];
  const { starts, steps, size } = node.attrs;
  if (shape.length !== 4 || steps.some((step) => step !== 1)) return false;
  const others = [0, 2, 3].every((axis) => size[axis] === shape[axis]);
  const whole = size[1] % block === 0 || starts[1] + size[1] === shape[1];
  return others && starts[1] % block === 0 && whole;
}

/** [N, C, 1, 1] repeated over the cells of a map. */
export const expandRule: BlockedRule<{ shape: Shape }> = {
  plan: (node, view) => {
    const [x] = node.inputs;
    const { shape } = node.attrs;
    const cells = shape.length === 4 && x.shape.length === 4 && sizeOf(x.shape.slice(2)) === 1;
    if (!cells || x.shape[0] !== shape[0] || x.shape[1] !== shape[1]) return undefined;
    if (!isMap(view.wished(node.outputs[0]))) return undefined;
    const map = mapLayout(view.block);
    return { inputs: [map], outputs: [map] };
  },
  write: (w, node, [x]) => {
    const [n, c, h, width] = node.attrs.shape;
    const planes = (n * w.up(c)) / w.block;
    const cell = w.reshape(x, [planes, 1, w.block]);
    const all = w.b.op('Expand', [cell, w.b.ints([planes, h * width, w.block])]);
    return [w.reshape(all, [n, w.up(c), h, width])];
  },
};
