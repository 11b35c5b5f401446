// Scale and shift per channel, and batch normalisation, in blocks: depthwise 1x1 convolutions.

import { sizeOf } from '../../core/shape.ts';
import { float32 } from '../../core/tensor.ts';
import type { Value } from '../value.ts';
import { mapLayout } from './layout.ts';
import { planeSums } from './pool.ts';
import { planeDots } from './reduce.ts';
import type { BlockedRule, LayoutView, Plan } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

/** Runs in blocks where its map does. */
function onMap(x: Value, y: Value, view: LayoutView, outputs: number): Plan | undefined {
  if (view.layoutOf(x) === undefined && view.wished(y) === undefined) return undefined;
  const map = mapLayout(view.block);
  return { inputs: [map], outputs: Array.from({ length: outputs }, () => map) };
}

export const channelAffineRule: BlockedRule<null> = {
  plan: (node, view) => onMap(node.inputs[0], node.outputs[0], view, 1),
  write: (w, node, [x, scale, shift], _, fused) => {
    const c = node.inputs[0].shape[1];
    const bias = shift === undefined ? undefined : w.padVector(shift, c);
    return [w.affine(x, w.up(c), w.padVector(scale, c), bias, fused)];
  },
  fuses: () => true,
};

export const batchNormRule: BlockedRule<{ epsilon: number }> = {
  plan: (node, view) => {
    const [x] = node.inputs;
    if (view.layoutOf(x) === undefined) return undefined;
    const map = mapLayout(view.block);
    return { inputs: [map], outputs: [map, undefined, undefined, map] };
  },
  write: (w, node, [x, scale, shift], _, fused) => {
    const { b } = w;
    const { shape } = node.inputs[0];
    const [n, c] = shape;
    const count = sizeOf(shape) / c;
    const average = (sums: string) =>
      b.op('Mul', [w.sum(w.reshape(sums, [n, w.up(c)]), [0]), b.scalar(1 / count)]);
    const mean = average(planeSums(w, x, shape));
    const centred = w.affine(x, w.up(c), ones(w, c), b.op('Neg', [mean]));
    const variance = average(planeDots(w, centred, centred, shape));
    const deviation = b.op('Sqrt', [b.op('Add', [variance, b.scalar(node.attrs.epsilon)])]);
    const slope = b.op('Div', [w.padVector(scale, c), deviation]);
    const y = w.affine(centred, w.up(c), slope, w.padVector(shift, c), fused);
    return [y, w.cutVector(mean, c), w.cutVector(variance, c), centred];
  },
  fuses: () => true,
};

function ones(w: BlockedWriter, channels: number): string {
  const one = new Float32Array(w.up(channels)).fill(1, 0, channels);
  return w.b.constant(float32([w.up(channels)], one));
}
