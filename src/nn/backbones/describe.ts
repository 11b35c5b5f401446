// What a backbone is made of, read off its graph: parameters, operations, map sizes.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { input } from '../../graph/ops/leaf.ts';
import { topologicalOrder, type Value } from '../../graph/value.ts';
import { linear } from '../layers.ts';
import { Parameters } from '../scope.ts';
import type { Backbone } from './backbone.ts';

export interface BackboneDescription {
  /** Numbers that can be trained, the classifier included; auxiliary classifiers are not. */
  readonly parameters: number;
  /** Multiplications with additions of one image, as the literature counts "FLOPs". */
  readonly macs: number;
  /** The last map, [C, h, w]. */
  readonly map: Shape;
  /** Length of the pooled features. */
  readonly features: number;
  readonly levels: readonly { name: string; stride: number; shape: Shape }[];
}

/** Describes the published form of a backbone for square images of `size` pixels. */
export function describeBackbone(
  backbone: Backbone,
  size: number,
  classes = 1000,
): BackboneDescription {
  const parameters = new Parameters();
  const root = parameters.root();
  const image = input('image', [1, 3, size, size]);
  const build = { norms: 'batch', padding: 'torch' } as const;
  const { map, pooled, levels } = backbone.features(root.child('backbone'), image, build);
  const logits = linear(root.child('head'), pooled, classes);
  const trained = [...parameters.specs.values()].filter(({ role }) => role !== 'statistic');
  return {
    parameters: trained.reduce((total, { shape }) => total + sizeOf(shape), 0),
    macs: countMacs(logits),
    map: map.shape.slice(1),
    features: pooled.shape[1],
    levels: levels.map(({ name, stride, value }) => ({
      name,
      stride,
      shape: value.shape.slice(1),
    })),
  };
}

/** Those of convolutions and matrix products, which is what the published figures count. */
function countMacs(output: Value): number {
  let total = 0;
  for (const { op, inputs, outputs } of topologicalOrder([output])) {
    const count = sizeOf(outputs[0].shape);
    if (op.name === 'conv2d') total += count * sizeOf(inputs[1].shape.slice(1));
    // no network transposes its left factor
    if (op.name === 'gemm' || op.name === 'matmul') total += count * inputs[0].shape.at(-1)!;
  }
  return total;
}
