// MobileNetV2: Sandler, Howard, Zhu, Zhmoginov, Chen. "MobileNetV2: Inverted Residuals and
// Linear Bottlenecks". CVPR 2018, arXiv 1801.04381, table 2. Names as in torchvision.

import { add } from '../../graph/ops/arithmetic.ts';
import { globalAveragePool } from '../../graph/ops/pool.ts';
import { relu6 } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, convNorm } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';
import { renaming } from './foreign-names.ts';

/** Table 2: expansion t, output channels c, repeats n, stride s of the first repeat. */
const ROWS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Channel counts are multiples of 8, and rounding never takes away more than a tenth. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/**
 * Expand 1x1, depthwise 3x3, project 1x1 without activation (figure 3b). Returns the expanded map as
 * well.
 */
function invertedResidual(
  scope: Scope,
  x: Value,
  expansion: number,
  channels: number,
  stride: number,
  dilation: number,
  build: BuildOptions,
): { expanded: Value; output: Value } {
  const hidden = x.shape[1] * expansion;
  let y = x;
  let next = 0;
  if (expansion !== 1) {
    const names = ['0.0', '0.1'] as const;
    y = relu6(convNorm(scope, y, { channels: hidden, kernel: 1, names }, build));
    next = 1;
  }
  const expanded = y;
  const depthwise = [`${next}.0`, `${next}.1`] as const;
  y = relu6(
    convNorm(
      scope,
      y,
      { channels: hidden, kernel: 3, stride, dilation, groups: hidden, names: depthwise },
      build,
    ),
  );
  const project = [`${next + 1}`, `${next + 2}`] as const;
  y = convNorm(scope, y, { channels, kernel: 1, names: project }, build);
  return { expanded, output: stride === 1 && x.shape[1] === channels ? add(x, y) : y };
}

function features(width: number, scope: Scope, image: Value, build: BuildOptions): Features {
  const stem = { channels: divisible(32 * width), kernel: 3, stride: 2 };
  let x = relu6(
    convNorm(scope, image, { ...stem, names: ['features.0.0', 'features.0.1'] }, build),
  );
  const { lastStage = 'stride' } = build;
  const lastStep = ROWS.findLastIndex(([, , , s]) => s === 2);
  let stride = 2;
  let dilation = 1;
  let index = 1;
  const levels: FeatureLevel[] = [];
  for (const [row, [t, c, n, s]] of ROWS.entries()) {
    const kept = row < lastStep || lastStage === 'stride';
    for (let i = 0; i < n; i++) {
      const step = i === 0 && kept ? s : 1;
      const name = `features.${index}.conv`;
      const block = scope.child(name);
      const made = invertedResidual(block, x, t, divisible(c * width), step, dilation, build);
      // the last activations of their size: those that the bottlenecks hand on are linear
      const last = i === 0 && s === 2;
      if (last) levels.push({ name: `${name}.0`, value: made.expanded, stride });
      x = made.output;
      stride *= step;
      // the convolution that lost its stride sees what it saw; those behind it are dilated
      if (row >= lastStep && lastStage === 'dilate') dilation = 2;
      index++;
    }
  }
  // narrow, before the last 1x1 widens it for the average: a quarter of the channels, most of the content
  const descriptors = x;
  levels.push({ name: `features.${index - 1}`, value: x, stride });
  const last = divisible(1280 * Math.max(1, width));
  const names = [`features.${index}.0`, `features.${index}.1`] as const;
  const map = relu6(convNorm(scope, x, { channels: last, kernel: 1, names }, build));
  levels.push({ name: `features.${index}`, value: map, stride });
  return { levels, map, descriptors, pooled: globalAveragePool(map) };
}

/** timm counts blocks within their row of table 2, and names the layers of a block by what they do. */
const timm = (name: string) => {
  const block = /^features\.(\d+)\.conv\.(.*)$/.exec(name);
  if (block === null) return timmEnds(name);
  let row = 0;
  let at = Number(block[1]) - 1;
  while (at >= ROWS[row][2]) at -= ROWS[row++][2];
  const layer = row === 0 ? timmFirst(block[2]) : timmLayers(block[2]);
  return `blocks.${row}.${at}.${layer}`;
};
const timmEnds = renaming([
  [/^features\.0\.0\./, 'conv_stem.'],
  [/^features\.0\.1\./, 'bn1.'],
  [/^features\.18\.0\./, 'conv_head.'],
  [/^features\.18\.1\./, 'bn2.'],
  [/^classifier\.1\./, 'classifier.'],
]);
/** Of a block without expansion. */
const timmFirst = renaming([
  [/^0\.0\./, 'conv_dw.'],
  [/^0\.1\./, 'bn1.'],
  [/^1\./, 'conv_pw.'],
  [/^2\./, 'bn2.'],
]);
const timmLayers = renaming([
  [/^0\.0\./, 'conv_pw.'],
  [/^0\.1\./, 'bn1.'],
  [/^1\.0\./, 'conv_dw.'],
  [/^1\.1\./, 'bn2.'],
  [/^2\./, 'conv_pwl.'],
  [/^3\./, 'bn3.'],
]);

/** `width`: multiplier of all channels but those of the last map, which never falls below 1280. */
function mobilenet(name: string, width: number, millionParameters: number): Backbone {
  return {
    name,
    citation: 'Sandler et al., CVPR 2018, arXiv 1801.04381',
    headPath: 'classifier.1',
    millionParameters,
    dropout: 0.2,
    foreignNames: [{ name: 'timm', of: timm }],
    features: (scope, image, build) => features(width, scope, image, build),
  };
}

/** By width. The published table has 0.35, 0.5, 0.75, 1, 1.3 and 1.4. */
export const mobilenetV2: Backbone = mobilenet('mobilenet_v2', 1, 3.5);
export const mobilenetV2Widths: readonly Backbone[] = [
  mobilenet('mobilenet_v2_035', 0.35, 1.7),
  mobilenet('mobilenet_v2_050', 0.5, 2.0),
  mobilenet('mobilenet_v2_075', 0.75, 2.6),
  mobilenet('mobilenet_v2_130', 1.3, 5.4),
  mobilenet('mobilenet_v2_140', 1.4, 6.1),
];
