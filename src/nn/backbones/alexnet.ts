// AlexNet, in the form of Krizhevsky. "One weird trick for parallelizing convolutional neural
// networks" (2014, arXiv 1404.5997), after Krizhevsky, Sutskever and Hinton (NIPS 2012). Names as in
// torchvision.
// VGG-M, of the same build: Chatfield, Simonyan, Vedaldi, Zisserman. "Return of the Devil in the
// Details: Delving Deep into Convolutional Nets". BMVC 2014, arXiv 1405.3531, table 1, CNN-M. Names
// in the manner of torchvision, which has no such network.

import { localResponseNorm } from '../../graph/ops/local-response-norm.ts';
import { maxPool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, type ConvOptions, conv } from '../layers.ts';
import { maxPoolCeil } from '../pooling.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, Features } from './backbone.ts';
import { type HiddenLayers, hiddenFeatures } from './hidden-layers.ts';

/** Five convolutions, pooled behind the first, the second and the last. */
interface Variant {
  readonly first: ConvOptions;
  readonly second: ConvOptions;
  /** Channels of the others, which are 3x3. */
  readonly widths: readonly [number, number, number];
  /** Places of the convolutions in the list of layers. */
  readonly at: readonly number[];
  /** Of the first, the second and the last map. */
  readonly strides: readonly [number, number, number];
  /** Before the first two poolings. */
  readonly respond?: (x: Value) => Value;
  readonly pool: (x: Value) => Value;
  readonly hidden: HiddenLayers;
}

function features(variant: Variant, scope: Scope, image: Value, build: BuildOptions): Features {
  const { at, strides, pool, hidden, respond = (x: Value) => x } = variant;
  const { lastStage = 'stride' } = build;
  const dilation = lastStage === 'dilate' ? 2 : 1;
  const layer = (i: number, x: Value, options: ConvOptions) =>
    relu(conv(scope.child(`features.${at[i]}`), x, { ...options, bias: true }, build));
  const first = layer(0, image, variant.first);
  const second = layer(1, pool(respond(first)), variant.second);
  let map = respond(second);
  if (lastStage === 'stride') map = pool(map);
  variant.widths.forEach((channels, i) => {
    map = layer(i + 2, map, { channels, kernel: 3, dilation });
  });
  const name = (i: number) => `features.${at[i] + 1}`;
  const levels = [
    { name: name(0), value: first, stride: strides[0] },
    { name: name(1), value: second, stride: strides[1] },
    { name: name(4), value: map, stride: lastStage === 'stride' ? strides[2] : strides[2] / 2 },
  ];
  return { levels, map, pooled: hiddenFeatures(scope, map, pool(map), hidden, build) };
}

export const alexnet: Backbone = {
  name: 'alexnet',
  citation: 'Krizhevsky, 2014, arXiv 1404.5997',
  headPath: 'classifier.6',
  millionParameters: 61.1,
  dropout: 0.5,
  features: (scope, image, build) =>
    features(
      {
        first: { channels: 64, kernel: 11, stride: 4, pad: 2 },
        second: { channels: 192, kernel: 5 },
        widths: [384, 256, 256],
        at: [0, 3, 6, 8, 10],
        strides: [4, 8, 16],
        pool: (x) => maxPool(x, { kernel: 3, strides: 2 }),
        hidden: { grid: 6, layers: ['1', '4'], dropout: 'before' },
      },
      scope,
      image,
      build,
    ),
};

/** Strides and pads as in the published prototxt: the second pooling keeps 13 x 13 cells at 224. */
export const vggM: Backbone = {
  name: 'vgg_m',
  citation: 'Chatfield et al., BMVC 2014, arXiv 1405.3531',
  headPath: 'classifier.6',
  millionParameters: 102.9,
  dropout: 0.5,
  features: (scope, image, build) =>
    features(
      {
        first: { channels: 96, kernel: 7, stride: 2, pad: 0 },
        second: { channels: 256, kernel: 5, stride: 2, pad: 1 },
        widths: [512, 512, 512],
        at: [0, 4, 8, 10, 12],
        strides: [2, 8, 16],
        // Caffe divides alpha by the size of the window, as torch does
        respond: (x) => localResponseNorm(x, { size: 5, alpha: 5e-4, beta: 0.75, k: 2 }),
        pool: (x) => maxPoolCeil(x, 3, 2),
        hidden: { grid: 6, layers: ['0', '3'], dropout: 'behind' },
      },
      scope,
      image,
      build,
    ),
};
