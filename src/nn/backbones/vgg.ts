// VGG: Simonyan and Zisserman. "Very Deep Convolutional Networks for Large-Scale Image Recognition".
// ICLR 2015, arXiv 1409.1556, table 1, columns A, B, D and E. Names as in torchvision.

import { maxPool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, conv, norm } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';
import { type NameScheme, renaming } from './foreign-names.ts';
import { hiddenFeatures } from './hidden-layers.ts';

const WIDTHS = [64, 128, 256, 512, 512];
const HIDDEN = { grid: 7, layers: ['0', '3'], dropout: 'behind' } as const;

/** timm keeps the hidden layers as convolutions over the whole map. */
const timm = renaming([
  [/^classifier\.0\./, 'pre_logits.fc1.'],
  [/^classifier\.3\./, 'pre_logits.fc2.'],
  [/^classifier\.6\./, 'head.fc.'],
]);

const timmShape: NameScheme['shapeOf'] = (name, [units, inputs, ...rest]) => {
  if (name === 'classifier.0.weight')
    return [units, inputs / HIDDEN.grid ** 2, HIDDEN.grid, HIDDEN.grid];
  if (name === 'classifier.3.weight') return [units, inputs, 1, 1];
  return inputs === undefined ? [units] : [units, inputs, ...rest];
};

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
  const levels: FeatureLevel[] = [];
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
    levels.push({ name: `features.${at - 1}`, value: x, stride });
  });
  return { levels, map: x, pooled: hiddenFeatures(scope, x, pool(x), HIDDEN, build) };
}

function vgg(depth: number, norms: boolean, millionParameters: number, groups: number[]): Backbone {
  return {
    name: `vgg${depth}${norms ? '_bn' : ''}`,
    citation: 'Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556',
    headPath: 'classifier.6',
    millionParameters,
    dropout: 0.5,
    foreignNames: [{ name: 'timm', of: timm, shapeOf: timmShape }],
    features: (scope, image, build) => vggFeatures(groups, norms, scope, image, build),
  };
}

export const vgg11: Backbone = vgg(11, false, 132.9, [1, 1, 2, 2, 2]);
export const vgg13: Backbone = vgg(13, false, 133.0, [2, 2, 2, 2, 2]);
export const vgg16: Backbone = vgg(16, false, 138.4, [2, 2, 3, 3, 3]);
export const vgg19: Backbone = vgg(19, false, 143.7, [2, 2, 4, 4, 4]);
export const vgg11bn: Backbone = vgg(11, true, 132.9, [1, 1, 2, 2, 2]);
export const vgg13bn: Backbone = vgg(13, true, 133.1, [2, 2, 2, 2, 2]);
export const vgg16bn: Backbone = vgg(16, true, 138.4, [2, 2, 3, 3, 3]);
export const vgg19bn: Backbone = vgg(19, true, 143.7, [2, 2, 4, 4, 4]);
