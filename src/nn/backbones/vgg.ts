// VGG: Simonyan and Zisserman. "Very Deep Convolutional Networks for Large-Scale Image Recognition".
// ICLR 2015, arXiv 1409.1556, table 1, columns A, B, D and E. Names as in torchvision.
// VGG-M: Chatfield, Simonyan, Vedaldi, Zisserman. "Return of the Devil in the Details: Delving Deep
// into Convolutional Nets". BMVC 2014, arXiv 1405.3531, table 1, CNN-M. Names in the manner of
// torchvision, which has no such network.

import { localResponseNorm } from '../../graph/ops/local-response-norm.ts';
import { maxPool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, type ConvOptions, conv, norm } from '../layers.ts';
import { maxPoolCeil } from '../pooling.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureStage, Features } from './backbone.ts';
import { hiddenFeatures } from './hidden-layers.ts';

const WIDTHS = [64, 128, 256, 512, 512];
const HIDDEN = { layers: ['0', '3'], dropout: 'behind' } as const;

/** `depths`: convolutions of each of the five groups. */
function vggFeatures(
  depths: readonly number[],
  norms: boolean,
  scope: Scope,
  image: Value,
  build: BuildOptions,
): Features {
  const { lastStage = 'stride' } = build;
  const pool = (x: Value) => maxPool(x, { kernel: 2 });
  const stages: FeatureStage[] = [];
  let x = image;
  let at = 0; // in torchvision's list of layers
  depths.forEach((depth, group) => {
    const last = group === depths.length - 1;
    const dilation = last && lastStage === 'dilate' ? 2 : 1;
    if (group > 0 && !(last && lastStage !== 'stride')) x = pool(x);
    if (group > 0) at++;
    for (let i = 0; i < depth; i++) {
      const options = { channels: WIDTHS[group], kernel: 3, dilation, bias: true };
      x = conv(scope.child(`features.${at++}`), x, options, build);
      if (norms) x = norm(scope.child(`features.${at++}`), x, build);
      x = relu(x);
      at++;
    }
    const stride = last && lastStage !== 'stride' ? 2 ** (group - 1) : 2 ** group;
    stages.push({ name: `features.${at - 1}`, value: x, stride });
  });
  const hidden = { ...HIDDEN, grid: 7 };
  return { stages, map: x, pooled: hiddenFeatures(scope, x, pool(x), hidden, build) };
}

function vgg(depth: number, norms: boolean, millionParameters: number, groups: number[]): Backbone {
  return {
    name: `vgg${depth}${norms ? '_bn' : ''}`,
    citation: 'Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556',
    headPath: 'classifier.6',
    millionParameters,
    dropout: 0.5,
    features: (scope, image, build) => vggFeatures(groups, norms, scope, image, build),
  };
}

/** Strides and pads as in the published prototxt: the second pooling keeps 13 x 13 cells at 224. */
function vggMFeatures(scope: Scope, image: Value, build: BuildOptions): Features {
  const { lastStage = 'stride' } = build;
  const dilation = lastStage === 'dilate' ? 2 : 1;
  const layer = (at: number, x: Value, options: ConvOptions) =>
    relu(conv(scope.child(`features.${at}`), x, { ...options, bias: true }, build));
  // Caffe divides alpha by the size of the window, as torch does
  const respond = (x: Value) => localResponseNorm(x, { size: 5, alpha: 5e-4, beta: 0.75, k: 2 });
  const pool = (x: Value) => maxPoolCeil(x, 3, 2);
  const first = layer(0, image, { channels: 96, kernel: 7, stride: 2, pad: 0 });
  const second = layer(4, pool(respond(first)), { channels: 256, kernel: 5, stride: 2, pad: 1 });
  let x = respond(second);
  if (lastStage === 'stride') x = pool(x);
  x = layer(8, x, { channels: 512, kernel: 3, dilation });
  x = layer(10, x, { channels: 512, kernel: 3, dilation });
  const map = layer(12, x, { channels: 512, kernel: 3, dilation });
  const stages: FeatureStage[] = [
    { name: 'features.1', value: first, stride: 2 },
    { name: 'features.5', value: second, stride: 8 },
    { name: 'features.13', value: map, stride: lastStage === 'stride' ? 16 : 8 },
  ];
  const hidden = { ...HIDDEN, grid: 6 };
  return { stages, map, pooled: hiddenFeatures(scope, map, pool(map), hidden, build) };
}

export const vgg11: Backbone = vgg(11, false, 132.9, [1, 1, 2, 2, 2]);
export const vgg13: Backbone = vgg(13, false, 133.0, [2, 2, 2, 2, 2]);
export const vgg16: Backbone = vgg(16, false, 138.4, [2, 2, 3, 3, 3]);
export const vgg19: Backbone = vgg(19, false, 143.7, [2, 2, 4, 4, 4]);
export const vgg11bn: Backbone = vgg(11, true, 132.9, [1, 1, 2, 2, 2]);
export const vgg13bn: Backbone = vgg(13, true, 133.1, [2, 2, 2, 2, 2]);
export const vgg16bn: Backbone = vgg(16, true, 138.4, [2, 2, 3, 3, 3]);
export const vgg19bn: Backbone = vgg(19, true, 143.7, [2, 2, 4, 4, 4]);

export const vggM: Backbone = {
  name: 'vgg_m',
  citation: 'Chatfield et al., BMVC 2014, arXiv 1405.3531',
  headPath: 'classifier.6',
  millionParameters: 102.9,
  dropout: 0.5,
  features: vggMFeatures,
};
