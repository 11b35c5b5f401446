// GoogLeNet: Szegedy et al. "Going Deeper with Convolutions". CVPR 2015, arXiv 1409.4842, table 1.
// As in torchvision: with batch normalisation, and with 3x3 kernels where the paper has 5x5.

import { reshape } from '../../graph/ops/movement.ts';
import { globalAveragePool, maxPool } from '../../graph/ops/pool.ts';
import { concat } from '../../graph/ops/slice.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, convNorm, linear } from '../layers.ts';
import { adaptiveAveragePool, maxPoolCeil } from '../pooling.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';

const EPSILON = 1e-3;

function layer(
  scope: Scope,
  x: Value,
  options: { channels: number; kernel: number; stride?: number; dilation?: number },
  build: BuildOptions,
): Value {
  return relu(convNorm(scope, x, { ...options, epsilon: EPSILON, names: ['conv', 'bn'] }, build));
}

/** Table 1's columns: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj. */
type Widths = readonly [number, number, number, number, number, number];

const MODULES: readonly (readonly [name: string, widths: Widths])[] = [
  ['inception3a', [64, 96, 128, 16, 32, 32]],
  ['inception3b', [128, 128, 192, 32, 96, 64]],
  ['inception4a', [192, 96, 208, 16, 48, 64]],
  ['inception4b', [160, 112, 224, 24, 64, 64]],
  ['inception4c', [128, 128, 256, 24, 64, 64]],
  ['inception4d', [112, 144, 288, 32, 64, 64]],
  ['inception4e', [256, 160, 320, 32, 128, 128]],
  ['inception5a', [256, 160, 320, 32, 128, 128]],
  ['inception5b', [384, 192, 384, 48, 128, 128]],
];

/** Four branches side by side (figure 2b). */
function inception(scope: Scope, x: Value, widths: Widths, dilation: number, build: BuildOptions) {
  const one = (name: string, input: Value, channels: number) =>
    layer(scope.child(name), input, { channels, kernel: 1 }, build);
  const three = (name: string, input: Value, channels: number) =>
    layer(scope.child(name), input, { channels, kernel: 3, dilation }, build);
  return concat(
    [
      one('branch1', x, widths[0]),
      three('branch2.1', one('branch2.0', x, widths[1]), widths[2]),
      three('branch3.1', one('branch3.0', x, widths[3]), widths[4]),
      one('branch4.1', maxPool(x, { kernel: 3, strides: 1, pads: 1 }), widths[5]),
    ],
    1,
  );
}

/** A classifier on an inner map (section 5): 4 x 4 averages, 1x1, two linear layers. */
function auxiliary(
  scope: Scope,
  map: Value,
  classes: number,
  name: string,
  build: BuildOptions,
): Value {
  const x = layer(
    scope.child('conv'),
    adaptiveAveragePool(map, 4),
    { channels: 128, kernel: 1 },
    build,
  );
  const hidden = relu(linear(scope.child('fc1'), reshape(x, [x.shape[0], 2048]), 1024));
  return linear(scope.child('fc2'), build.dropout?.(hidden, name) ?? hidden, classes);
}

function features(scope: Scope, image: Value, build: BuildOptions): Features {
  const { lastStage = 'stride' } = build;
  const first = layer(scope.child('conv1'), image, { channels: 64, kernel: 7, stride: 2 }, build);
  let x = layer(scope.child('conv2'), maxPoolCeil(first, 3, 2), { channels: 64, kernel: 1 }, build);
  const second = layer(scope.child('conv3'), x, { channels: 192, kernel: 3 }, build);
  x = maxPoolCeil(second, 3, 2);
  const levels: FeatureLevel[] = [
    { name: 'conv1', value: first, stride: 2 },
    { name: 'conv3', value: second, stride: 4 },
  ];
  const inner: Value[] = [];
  let dilation = 1;
  for (const [name, widths] of MODULES) {
    if (name === 'inception4a') {
      levels.push({ name: 'inception3b', value: x, stride: 8 });
      x = maxPoolCeil(x, 3, 2);
    }
    if (name === 'inception5a') {
      levels.push({ name: 'inception4e', value: x, stride: 16 });
      if (lastStage === 'stride') x = maxPoolCeil(x, 2, 2);
      if (lastStage === 'dilate') dilation = 2;
    }
    x = inception(scope.child(name), x, widths, dilation, build);
    if (name === 'inception4a' || name === 'inception4d') inner.push(x);
  }
  levels.push({ name: 'inception5b', value: x, stride: lastStage === 'stride' ? 32 : 16 });
  return {
    levels,
    map: x,
    pooled: globalAveragePool(x),
    auxiliaries: (side, classes) =>
      inner.map((map, i) =>
        auxiliary(side.child(`aux${i + 1}`), map, classes, `aux${i + 1}`, build),
      ),
  };
}

export const googlenet: Backbone = {
  name: 'googlenet',
  citation: 'Szegedy et al., CVPR 2015, arXiv 1409.4842',
  headPath: 'fc',
  millionParameters: 6.6,
  dropout: 0.2,
  normEpsilon: EPSILON,
  features,
};
