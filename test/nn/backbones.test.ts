// What every backbone is made of: published sizes, map sizes, strides, last levels.
import { describe, expect, test } from 'vitest';
import { input } from '../../src/graph/ops/leaf.ts';
import { describeBackbone } from '../../src/nn/backbones/describe.ts';
import { backbones } from '../../src/nn/backbones/table.ts';
import { Parameters } from '../../src/nn/scope.ts';

describe.each(backbones.map((backbone) => [backbone.name, backbone] as const))('%s', (_, b) => {
  test('has the published number of parameters', () => {
    expect(describeBackbone(b, 224).parameters / 1e6).toBeCloseTo(b.millionParameters, 0.9);
  });

  test.each([224, 448])('its maps at %i have the size that their strides say', (size) => {
    for (const { name, stride, shape } of describeBackbone(b, size).levels) {
      // unpadded stems lose a few cells
      expect(Math.abs(shape[1] - size / stride), name).toBeLessThanOrEqual(3);
    }
  });

  test.each(['remove', 'dilate'] as const)('%s: twice the cells a side', (lastStage) => {
    const features = (last: 'stride' | typeof lastStage) => {
      const build = { norms: 'frozen', padding: 'torch', lastStage: last } as const;
      const parameters = new Parameters();
      const found = b.features(parameters.root(), input('image', [1, 3, 224, 224]), build);
      return { ...found, names: [...parameters.specs.keys()] };
    };
    const [strided, wide] = [features('stride'), features(lastStage)];
    expect(wide.names).toEqual(strided.names); // the same weights
    expect(wide.pooled.shape).toEqual(strided.pooled.shape);
    const [small, large] = [strided.map.shape[2], wide.map.shape[2]];
    expect(Math.abs(large - 2 * small)).toBeLessThanOrEqual(1);
    expect(wide.levels.at(-1)!.stride).toBe(strided.levels.at(-1)!.stride / 2);
  });
});
