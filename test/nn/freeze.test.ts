// Which parameters the first levels have, and that a frozen stage changes in no way.
import { expect, test } from 'vitest';
import { input } from '../../src/graph/ops/leaf.ts';
import { pathsOfLevels } from '../../src/nn/backbones/freeze.ts';
import { backbones, findBackbone } from '../../src/nn/backbones/table.ts';
import { Parameters } from '../../src/nn/scope.ts';

test('levels hold what their maps depend on', () => {
  const paths = [...pathsOfLevels(findBackbone('resnet18'), 1)];
  const tops = new Set(paths.map((path) => path.split('.')[0]));
  expect([...tops].sort()).toEqual(['bn1', 'conv1', 'layer1']);
  expect(pathsOfLevels(findBackbone('resnet18'), 0).size).toBe(0);
});

test.each(backbones.map((backbone) => [backbone.name, backbone] as const))(
  '%s: each level adds parameters, and one too many is an error',
  (_, backbone) => {
    const sizes: number[] = [];
    for (let count = 0; ; count++) {
      try {
        sizes.push(pathsOfLevels(backbone, count).size);
      } catch (error) {
        expect((error as Error).message).toMatch(
          /^network\.freeze: expected at most \d, the levels of .*They are /,
        );
        break;
      }
    }
    expect(sizes.length).toBeGreaterThanOrEqual(4);
    sizes.slice(1).forEach((size, i) => {
      expect(size).toBeGreaterThan(sizes[i]);
    });
  },
);

test('norms of frozen levels do not follow the batch', () => {
  const frozen = pathsOfLevels(findBackbone('resnet18'), 2);
  const parameters = new Parameters((path) => !frozen.has(path));
  const build = { norms: 'batch', padding: 'torch' } as const;
  findBackbone('resnet18').features(parameters.root(), input('image', [2, 3, 64, 64]), build);
  const updated = [...parameters.updates.keys()].map((path) => path.split('.')[0]);
  expect([...new Set(updated)]).toEqual(['layer3', 'layer4']);
});
