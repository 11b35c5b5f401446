// SENet-154: Hu, Shen, Sun. "Squeeze-and-Excitation Networks". CVPR 2018, arXiv 1709.01507, section
// 6.1 and appendix: SE blocks in a 64x4d ResNeXt-152 whose first 1x1 is half as wide, with a stem of
// three 3x3 and a 3x3 in the shortcut. Names as in timm (legacy_senet154).

import { add } from '../../graph/ops/arithmetic.ts';
import { globalAveragePool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { type BuildOptions, convNorm } from '../layers.ts';
import { maxPoolCeil } from '../pooling.ts';
import type { Scope } from '../scope.ts';
import type { Backbone, FeatureLevel, Features } from './backbone.ts';
import { squeezeExcite } from './squeeze-excite.ts';

const GROUPS = 64;
const DEPTHS = [3, 8, 36, 3];

function block(
  scope: Scope,
  x: Value,
  width: number,
  { stride, dilation }: { stride: number; dilation: number },
  shortcut: number | undefined,
  build: BuildOptions,
): Value {
  const channels = 4 * width;
  const layer = (input: Value, i: number, options: object, out: number, kernel: number) =>
    convNorm(
      scope,
      input,
      { channels: out, kernel, ...options, names: [`conv${i}`, `bn${i}`] },
      build,
    );
  let y = relu(layer(x, 1, {}, 2 * width, 1));
  y = relu(layer(y, 2, { stride, dilation, groups: GROUPS }, channels, 3));
  y = layer(y, 3, {}, channels, 1);
  const names = ['downsample.0', 'downsample.1'] as const;
  const identity =
    shortcut === undefined
      ? x
      : convNorm(scope, x, { channels, kernel: shortcut, stride, names }, build);
  return relu(add(squeezeExcite(scope.child('se_module'), y, channels / 16), identity));
}

function features(scope: Scope, image: Value, build: BuildOptions): Features {
  const { lastStage = 'stride' } = build;
  const stem = scope.child('layer0');
  let x = image;
  [64, 64, 128].forEach((channels, i) => {
    const names = [`conv${i + 1}`, `bn${i + 1}`] as const;
    x = relu(convNorm(stem, x, { channels, kernel: 3, stride: i === 0 ? 2 : 1, names }, build));
  });
  const levels: FeatureLevel[] = [{ name: 'layer0', value: x, stride: 2 }];
  x = maxPoolCeil(x, 3, 2);
  let stride = 4;
  DEPTHS.forEach((depth, i) => {
    const kept = i < DEPTHS.length - 1 || lastStage === 'stride';
    for (let b = 0; b < depth; b++) {
      const step = i > 0 && b === 0 && kept ? 2 : 1;
      const dilation = !kept && lastStage === 'dilate' && b > 0 ? 2 : 1;
      const shortcut = b > 0 ? undefined : i === 0 ? 1 : 3;
      stride *= step;
      const at = scope.child(`layer${i + 1}.${b}`);
      x = block(at, x, 64 * 2 ** i, { stride: step, dilation }, shortcut, build);
    }
    levels.push({ name: `layer${i + 1}`, value: x, stride });
  });
  return { levels, map: x, pooled: globalAveragePool(x) };
}

export const senet154: Backbone = {
  name: 'senet154',
  citation: 'Hu et al., CVPR 2018, arXiv 1709.01507',
  headPath: 'last_linear',
  millionParameters: 115.1,
  dropout: 0.2,
  features,
};
