// AlexNet, in the form of Krizhevsky. "One weird trick for parallelizing convolutional neural
// networks" (2014, arXiv 1404.5997), after Krizhevsky, Sutskever and Hinton (NIPS 2012). Names as in
// torchvision.

import { maxPool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, type ConvOptions, conv } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureStage, Features } from './backbone.ts';
import { hiddenFeatures } from './hidden-layers.ts';

function features(scope: Scope, image: Value, build: BuildOptions): Features {
  const { lastStage = 'stride' } = build;
  const dilation = lastStage === 'dilate' ? 2 : 1;
  const layer = (at: number, x: Value, options: ConvOptions) =>
    relu(conv(scope.child(`features.${at}`), x, { ...options, bias: true }, build));
  const pool = (x: Value) => maxPool(x, { kernel: 3, strides: 2 });
  const first = layer(0, image, { channels: 64, kernel: 11, stride: 4, pad: 2 });
  const second = layer(3, pool(first), { channels: 192, kernel: 5 });
  let x = lastStage === 'stride' ? pool(second) : second;
  x = layer(6, x, { channels: 384, kernel: 3, dilation });
  x = layer(8, x, { channels: 256, kernel: 3, dilation });
  const map = layer(10, x, { channels: 256, kernel: 3, dilation });
  const stages: FeatureStage[] = [
    { name: 'features.1', value: first, stride: 4 },
    { name: 'features.4', value: second, stride: 8 },
    { name: 'features.11', value: map, stride: lastStage === 'stride' ? 16 : 8 },
  ];
  const hidden = { grid: 6, layers: ['1', '4'], dropout: 'before' } as const;
  return { stages, map, pooled: hiddenFeatures(scope, map, pool(map), hidden, build) };
}

export const alexnet: Backbone = {
  name: 'alexnet',
  citation: 'Krizhevsky, 2014, arXiv 1404.5997',
  headPath: 'classifier.6',
  millionParameters: 61.1,
  dropout: 0.5,
  features,
};
