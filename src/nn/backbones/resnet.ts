// Residual networks: He, Zhang, Ren, Sun. "Deep Residual Learning for Image Recognition".
// CVPR 2016, arXiv 1512.03385. Names and details (stride in the 3x3 of a bottleneck) as in
// torchvision, whose weights are BSD-3-Clause.
// SE-ResNet: Hu, Shen, Sun. "Squeeze-and-Excitation Networks". CVPR 2018, arXiv 1709.01507. Names as
// in timm.

import { add } from '../../graph/ops/arithmetic.ts';
import { globalAveragePool, maxPool } from '../../graph/ops/pool.ts';
import { max } from '../../graph/ops/reduce.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, convNorm } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';
import { type NameScheme, renaming } from './foreign-names.ts';
import { squeezeExcite } from './squeeze-excite.ts';

interface Variant {
  readonly depths: readonly number[];
  readonly widths: readonly number[];
  readonly bottleneck: boolean;
  /** 7x7 stride 2 and max-pool (ImageNet), or one 3x3 stride 2 convolution for small images. */
  readonly stem: 'imagenet' | 'small';
  /** `average`, or average plus maximum, which keeps marks that fill a single cell. */
  readonly pooling: 'average' | 'average+max';
  /** Squeeze-and-excitation behind each block's last norm, narrowed to a sixteenth. */
  readonly squeeze?: boolean;
}

/** Two 3x3 convolutions (figure 5, left), or 1x1, 3x3, 1x1 (right). */
function residual(
  scope: Scope,
  x: Value,
  width: number,
  { stride, dilation }: { stride: number; dilation: number },
  { bottleneck, squeeze }: Variant,
  build: BuildOptions,
): Value {
  const channels = bottleneck ? 4 * width : width;
  const layer = (input: Value, i: number, kernel: number, out: number, s: number) => {
    const names = [`conv${i}`, `bn${i}`] as const;
    const d = kernel > 1 ? dilation : 1;
    return convNorm(scope, input, { channels: out, kernel, stride: s, dilation: d, names }, build);
  };
  let y: Value;
  if (bottleneck) {
    y = relu(layer(x, 1, 1, width, 1));
    y = relu(layer(y, 2, 3, width, stride));
    y = layer(y, 3, 1, channels, 1);
  } else {
    y = relu(layer(x, 1, 3, width, stride));
    y = layer(y, 2, 3, width, 1);
  }
  const identity =
    stride === 1 && x.shape[1] === channels
      ? x
      : convNorm(
          scope,
          x,
          { channels, kernel: 1, stride, names: ['downsample.0', 'downsample.1'] },
          build,
        );
  if (squeeze) y = squeezeExcite(scope.child('se'), y, channels / 16);
  return relu(add(y, identity));
}

function features(variant: Variant, scope: Scope, image: Value, build: BuildOptions): Features {
  const { depths, widths, stem } = variant;
  const { lastStage = 'stride' } = build;
  const kernel = stem === 'imagenet' ? 7 : 3;
  let x = relu(
    convNorm(
      scope,
      image,
      { channels: widths[0], kernel, stride: 2, names: ['conv1', 'bn1'] },
      build,
    ),
  );
  if (stem === 'imagenet') x = maxPool(x, { kernel: 3, strides: 2, pads: 1 });
  let stride = stem === 'imagenet' ? 4 : 2;
  const levels: FeatureLevel[] = [];
  depths.forEach((depth, i) => {
    const kept = i < depths.length - 1 || lastStage === 'stride';
    for (let block = 0; block < depth; block++) {
      const step = i > 0 && block === 0 && kept ? 2 : 1;
      // the convolution that lost its stride sees what it saw; those behind it are dilated
      const dilation = !kept && lastStage === 'dilate' && block > 0 ? 2 : 1;
      stride *= step;
      const at = scope.child(`layer${i + 1}.${block}`);
      x = residual(at, x, widths[i], { stride: step, dilation }, variant, build);
    }
    levels.push({ name: `layer${i + 1}`, value: x, stride });
  });
  const average = globalAveragePool(x);
  const pooled = variant.pooling === 'average' ? average : add(average, max(x, [2, 3]));
  return { levels, map: x, pooled };
}

/** Transformers counts stages and layers from 0; its classifier stands beside the network. */
const transformers: NameScheme['of'] = (name) => {
  const block = /^layer(\d+)\.(\d+)\.(?:(conv|bn)(\d+)|downsample\.(\d))\.(.*)$/.exec(name);
  if (block === null) return transformersEnds(name);
  const [, stage, at, layer, number, step, part] = block;
  const place = step === undefined ? `layer.${Number(number) - 1}` : 'shortcut';
  const kind = layer === 'conv' || step === '0' ? 'convolution' : 'normalization';
  return `encoder.stages.${Number(stage) - 1}.layers.${at}.${place}.${kind}.${part}`;
};
const transformersEnds = renaming([
  [/^conv1\./, 'embedder.embedder.convolution.'],
  [/^bn1\./, 'embedder.embedder.normalization.'],
  [/^fc\./, 'classifier.1.'],
]);

function resnet(name: string, millionParameters: number, variant: Variant): Backbone {
  return {
    name,
    citation: variant.squeeze
      ? 'Hu et al., CVPR 2018, arXiv 1709.01507'
      : 'He et al., CVPR 2016, arXiv 1512.03385',
    headPath: 'fc',
    millionParameters,
    dropout: 0,
    // it has none with squeeze-and-excitation
    foreignNames: variant.squeeze ? [] : [{ name: 'Transformers', of: transformers }],
    features: (scope, image, build) => features(variant, scope, image, build),
  };
}

const imagenet = { widths: [64, 128, 256, 512], stem: 'imagenet', pooling: 'average' } as const;

export const resnet18: Backbone = resnet('resnet18', 11.7, {
  ...imagenet,
  depths: [2, 2, 2, 2],
  bottleneck: false,
});
export const resnet34: Backbone = resnet('resnet34', 21.8, {
  ...imagenet,
  depths: [3, 4, 6, 3],
  bottleneck: false,
});
export const resnet50: Backbone = resnet('resnet50', 25.6, {
  ...imagenet,
  depths: [3, 4, 6, 3],
  bottleneck: true,
});

export const resnet101: Backbone = resnet('resnet101', 44.5, {
  ...imagenet,
  depths: [3, 4, 23, 3],
  bottleneck: true,
});
export const resnet152: Backbone = resnet('resnet152', 60.2, {
  ...imagenet,
  depths: [3, 8, 36, 3],
  bottleneck: true,
});
export const seresnet50: Backbone = resnet('seresnet50', 28.1, {
  ...imagenet,
  depths: [3, 4, 6, 3],
  bottleneck: true,
  squeeze: true,
});
export const seresnet101: Backbone = resnet('seresnet101', 49.3, {
  ...imagenet,
  depths: [3, 4, 23, 3],
  bottleneck: true,
  squeeze: true,
});

/** A small residual network of our own for small images; it trains from random numbers on a CPU. */
export const resnetTiny: Backbone = resnet('resnet_tiny', 0.4, {
  depths: [1, 1, 1, 1],
  widths: [16, 32, 64, 128],
  bottleneck: false,
  stem: 'small',
  pooling: 'average+max',
});
