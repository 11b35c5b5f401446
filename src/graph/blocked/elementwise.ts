// Ops that work number by number run on blocked tensors as they are. Operands that are broadcast
// (a scale per channel, a mask per cell) are laid beside them.

import { sameShape, sizeOf } from '../../core/shape.ts';
import type { TensorType } from '../tensor-type.ts';
import type { Node, Value } from '../value.ts';
import { type Layout, paddedShape, physicalShape } from './layout.ts';
import type { BlockedRule, LayoutView, Plan } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

/** The rule of all of them. */
export const elementwiseRule: BlockedRule<unknown> = {
  elementwise: true,
  plan: (node, view) => {
    const layout = commonLayout(node, view);
    if (layout === undefined) return undefined;
    const [y] = node.outputs;
    const inputs = node.inputs.map((x) => (sameShape(x.shape, y.shape) ? layout : undefined));
    const movable = node.inputs.every(
      (x, i) => inputs[i] === undefined || x.dtype === 'float32' || view.layoutOf(x) !== undefined,
    );
    return movable ? { inputs, outputs: [layout] } : undefined;
  },
  write: (w, node, inputs, plan) => {
    const layout = plan.outputs[0]!;
    const { shape } = node.outputs[0];
    const byChannel = scaled(w, node, inputs, plan, layout);
    if (byChannel !== undefined) return [byChannel];
    const foreign = node.inputs.some((x, i) => plan.inputs[i] === undefined && sizeOf(x.shape) > 1);
    if (!foreign) return node.op.portable(w.b, node, inputs);
    const physical = physicalShape(shape, layout);
    const laid = inputs.map((name, i) => {
      const x = node.inputs[i];
      if (plan.inputs[i] !== undefined) return w.reshape(name, physical);
      return sizeOf(x.shape) === 1 ? name : beside(w, name, x, shape.length, layout);
    });
    const [result] = node.op.portable(w.b, node, laid);
    return [w.reshape(result, paddedShape(shape, layout))];
  },
};

/** The layout of an operand as large as the result, or the one that the result is wanted in. */
function commonLayout({ inputs, outputs: [y] }: Node, view: LayoutView): Layout | undefined {
  if (y.shape.length === 0) return undefined;
  for (const x of inputs) {
    const layout = view.layoutOf(x);
    if (layout !== undefined && sameShape(x.shape, y.shape)) return layout;
  }
  const wished = view.wished(y);
  return inputs.some((x) => sameShape(x.shape, y.shape)) ? wished : undefined;
}

/** A canonical operand with size 1 along some axes, laid out so that it broadcasts. */
function beside(
  w: BlockedWriter,
  x: string,
  { shape: own, dtype }: TensorType,
  rank: number,
  layout: Layout,
): string {
  const shape = [...Array.from({ length: rank - own.length }, () => 1), ...own];
  const cut = layout.axes.filter((axis) => shape[axis] > 1);
  const full = w.reshape(x, shape);
  const partial = { axes: cut, block: layout.block };
  const laid = cut.length === 0 ? full : w.toLayout(full, { shape, dtype }, partial);
  const blocks = shape.map((d, axis) => (cut.includes(axis) ? Math.ceil(d / layout.block) : d));
  const lanes = layout.axes.map((axis) => (cut.includes(axis) ? layout.block : 1));
  return w.reshape(laid, [...blocks, ...lanes]);
}

/**
 * A product with (or sum of) one number for each channel, or each channel of each image, as a
 * depthwise 1x1 convolution: ONNX Runtime broadcasts over 16 numbers at a time only slowly.
 */
function scaled(
  w: BlockedWriter,
  node: Node,
  inputs: readonly string[],
  plan: Plan,
  layout: Layout,
): string | undefined {
  if (node.op.name !== 'mul' || node.inputs.length !== 2) return undefined;
  const wide = plan.inputs[0] !== undefined ? 0 : 1;
  if (plan.inputs[wide] === undefined || plan.inputs[1 - wide] !== undefined) return undefined;
  const factor = node.inputs[1 - wide].shape;
  const { shape } = node.outputs[0];
  if (shape.length !== 4) return undefined;
  const aligned = [...Array.from({ length: 4 - factor.length }, () => 1), ...factor];
  const axis = layout.axes[layout.axes.length - 1];
  const [images, channels] = [axis === 1 ? aligned[0] : 1, shape[axis]];
  if (aligned[axis] !== channels || sizeOf(aligned) !== images * channels) return undefined;
  const rows = w.reshape(inputs[1 - wide], [images, channels]);
  const scale = w.padBehind(rows, [0, w.up(channels) - channels]);
  const groups = images * w.up(channels);
  const padded = paddedShape(shape, layout);
  const batch = axis === 1 && images === 1 ? shape[0] : 1;
  const flat = w.reshape(inputs[wide], [batch, groups, sizeOf(padded) / batch / groups, 1]);
  return w.reshape(w.affine(flat, groups, scale), padded);
}

/** What stands in the padded lanes of a node's result: one number, or undefined when unknown. */
export function laneValue(
  node: Node,
  laneOf: (x: Value) => number | undefined,
): number | undefined {
  const lanes = node.inputs.map(laneOf);
  const { name } = node.op;
  if (name === 'mul' && lanes.includes(0)) return 0;
  // a divisor of one number (a bias correction, a norm plus epsilon) is never zero
  if (name === 'div' && lanes[0] === 0 && lanes[1] === undefined) return 0;
  if (lanes.some((lane) => lane === undefined)) return undefined;
  const inputs = lanes.map((lane) => ({ shape: [], data: Float64Array.of(lane!) }));
  const scalar = { outputs: [{ shape: [], dtype: 'float32' }] } as unknown as Node;
  const [result] = node.op.reference(inputs, node.attrs, scalar);
  return Number.isFinite(result[0]) ? result[0] : undefined;
}
