// Sums over blocked tensors. A product that is summed at once is one pass: a depthwise convolution
// whose kernel is as large as the map.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { squares } from '../ops/matmul.ts';
import type { Node } from '../value.ts';
import { type Layout, layoutKey, mapLayout, paddedShape } from './layout.ts';
import { planeSums } from './pool.ts';
import type { BlockedRule, LayoutView } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

/** Sums of a * b over height and width, [N, padded C], of two blocked maps. */
export function planeDots(w: BlockedWriter, a: string, b: string, [n, c, h, width]: Shape): string {
  const { block } = w;
  const planes = (n * w.up(c)) / block;
  const groups = planes * h * block;
  const rows = w.convolve(
    w.reshape(a, [1, groups, 1, width]),
    w.reshape(b, [groups, 1, 1, width]),
    { groups },
  );
  const all = w.globalAverage(w.reshape(rows, [planes, block, 1, h]));
  return w.b.op('Mul', [w.reshape(all, [n, w.up(c)]), w.b.scalar(h)]);
}

/** A blocked tensor seen as a map whose channels are the axis that the sums keep. */
function asMap(shape: Shape, layout: Layout): Shape {
  if (layoutKey(layout) === layoutKey(mapLayout(layout.block))) return shape;
  const padded = paddedShape(shape, layout);
  return [1, shape[0], sizeOf(padded.slice(1, 2)), sizeOf(padded.slice(2))];
}

/** The axes of a sum that can run in blocks: all but the channels, or height and width. */
function summable(axes: readonly number[], rank: number, layout: Layout): boolean {
  if (rank !== 4) return false;
  const key = axes.join();
  if (layoutKey(layout) === '1') return key === '0,2,3' || key === '2,3';
  return key === '1,2,3';
}

function planSum(node: Node<{ axes: readonly number[] }>, layout: Layout | undefined) {
  if (layout === undefined) return undefined;
  const { shape } = node.inputs[0];
  if (!summable(node.attrs.axes, shape.length, layout)) return undefined;
  const keepsMap = node.attrs.axes.join() === '2,3';
  return {
    inputs: [layout],
    outputs: [keepsMap ? layout : undefined],
  };
}

/** Totals [N, padded C] as the sum's output. */
function finish(
  w: BlockedWriter,
  totals: string,
  node: Node<{ axes: readonly number[] }>,
  map: Shape,
): string {
  const [n, c] = map;
  if (node.attrs.axes.join() === '2,3') return w.reshape(totals, [n, w.up(c), 1, 1]);
  const vector = n === 1 ? w.reshape(totals, [w.up(c)]) : w.sum(totals, [0]);
  return w.reshape(w.cutVector(vector, c), node.outputs[0].shape);
}

export const sumRule: BlockedRule<{ axes: readonly number[] }> = {
  plan: (node, view: LayoutView) => planSum(node, view.layoutOf(node.inputs[0])),
  write: (w, node, [x], plan) => {
    const map = asMap(node.inputs[0].shape, plan.inputs[0]!);
    return [finish(w, planeSums(w, x, map), node, map)];
  },
};

/** sum(a * b): the product has no other user. */
export function writeDot(
  w: BlockedWriter,
  node: Node<{ axes: readonly number[] }>,
  [a, b]: readonly string[],
  layout: Layout,
): string {
  const map = asMap(node.inputs[0].shape, layout);
  return finish(w, planeDots(w, a, b, map), node, map);
}

/** In any layout: padded lanes are zero. */
export const sumOfSquaresRule: BlockedRule<null> = {
  plan: ({ inputs: [x] }, view) => {
    const layout = view.layoutOf(x);
    return layout && { inputs: [layout], outputs: [undefined] };
  },
  write: (w, node, [x], plan) => {
    return [squares(w.b, x, sizeOf(paddedShape(node.inputs[0].shape, plan.inputs[0]!)))];
  },
};
