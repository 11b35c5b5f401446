// DenseNet: Huang, Liu, van der Maaten, Weinberger. "Densely Connected Convolutional Networks".
// CVPR 2017, arXiv 1608.06993, table 1 (DenseNet-BC). Names as in torchvision.

import { avgPool, globalAveragePool, maxPool } from '../../graph/ops/pool.ts';
import { concat } from '../../graph/ops/slice.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, conv, convNorm, norm } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';
import { renaming } from './foreign-names.ts';

interface Variant {
  /** Maps that each layer adds: k. */
  readonly growth: number;
  readonly depths: readonly number[];
  /** Channels of the stem. */
  readonly stem: number;
}

/** Width of the 1x1 bottleneck, in units of the growth. */
const BOTTLENECK = 4;

/** Norm, ReLU, 1x1, norm, ReLU, 3x3 (section 3, "Bottleneck layers"). */
function denseLayer(
  scope: Scope,
  maps: Value,
  growth: number,
  dilation: number,
  build: BuildOptions,
): Value {
  const x = relu(norm(scope.child('norm1'), maps, build));
  const narrow = { channels: BOTTLENECK * growth, kernel: 1, names: ['conv1', 'norm2'] } as const;
  const y = relu(convNorm(scope, x, narrow, build));
  return conv(scope.child('conv2'), y, { channels: growth, kernel: 3, dilation }, build);
}

function features(variant: Variant, scope: Scope, image: Value, build: BuildOptions): Features {
  const { growth, depths, stem } = variant;
  const { lastStage = 'stride' } = build;
  const at = scope.child('features');
  const first = { channels: stem, kernel: 7, stride: 2, names: ['conv0', 'norm0'] } as const;
  const levels: FeatureLevel[] = [];
  let x = relu(convNorm(at, image, first, build));
  levels.push({ name: 'features.relu0', value: x, stride: 2 });
  x = maxPool(x, { kernel: 3, strides: 2, pads: 1 });
  let stride = 4;
  depths.forEach((depth, i) => {
    const last = i === depths.length - 1;
    const block = at.child(`denseblock${i + 1}`);
    const dilation = last && lastStage === 'dilate' ? 2 : 1;
    for (let l = 1; l <= depth; l++) {
      const more = denseLayer(block.child(`denselayer${l}`), x, growth, dilation, build);
      x = concat([x, more], 1);
    }
    if (last) return;
    levels.push({ name: `features.denseblock${i + 1}`, value: x, stride });
    const transition = at.child(`transition${i + 1}`);
    x = relu(norm(transition.child('norm'), x, build));
    x = conv(transition.child('conv'), x, { channels: x.shape[1] / 2, kernel: 1 }, build);
    if (i + 2 < depths.length || lastStage === 'stride') {
      x = avgPool(x, { kernel: 2 });
      stride *= 2;
    }
  });
  const map = relu(norm(at.child('norm5'), x, build));
  levels.push({ name: 'features.norm5', value: map, stride });
  return { levels, map, pooled: globalAveragePool(map) };
}

/** Of the files that torchvision publishes. */
const older = renaming([[/(denselayer\d+\.(?:norm|conv))(\d)/, '$1.$2']]);

function densenet(depth: number, millionParameters: number, variant: Variant): Backbone {
  return {
    name: `densenet${depth}`,
    citation: 'Huang et al., CVPR 2017, arXiv 1608.06993',
    headPath: 'classifier',
    millionParameters,
    dropout: 0,
    foreignNames: [{ name: 'an older torchvision', of: older }],
    features: (scope, image, build) => features(variant, scope, image, build),
  };
}

const narrow = { growth: 32, stem: 64 };

export const densenet121: Backbone = densenet(121, 8.0, { ...narrow, depths: [6, 12, 24, 16] });
export const densenet161: Backbone = densenet(161, 28.7, {
  growth: 48,
  depths: [6, 12, 36, 24],
  stem: 96,
});
export const densenet169: Backbone = densenet(169, 14.1, { ...narrow, depths: [6, 12, 32, 32] });
export const densenet201: Backbone = densenet(201, 20.0, { ...narrow, depths: [6, 12, 48, 32] });
