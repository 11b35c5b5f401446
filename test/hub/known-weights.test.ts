// The table of known weights: every row is complete and of a backbone that there is.

import { expect, test } from 'vitest';
import {
  defaultWeights,
  describeKnown,
  findKnownWeights,
  isArchitecture,
  knownWeights,
} from '../../src/hub/known-weights.ts';
import { parseWeightsName } from '../../src/hub/weights-name.ts';
import { backbones, findBackbone } from '../../src/nn/backbones/table.ts';

test.each(knownWeights.map((row) => [row.name, row] as const))('%s', (name, row) => {
  expect(findBackbone(row.backbone).name).toBe(row.backbone);
  const parsed = parseWeightsName(name);
  expect(['hub', 'address']).toContain(parsed.kind);
  // an address carries the digits that its file is verified with; a repository says its own
  if (parsed.kind === 'address') expect(parsed.sha256).toMatch(/^[0-9a-f]{8,64}$/);
  if (parsed.kind === 'hub') {
    const [, architecture] = /^timm\/(\w+)\./.exec(parsed.repository)!;
    expect(isArchitecture(architecture, row.backbone)).toBe(true);
  }
  expect(['BSD-3-Clause', 'Apache-2.0']).toContain(row.licence);
  expect(row.source).toMatch(/^(torchvision|timm) /);
  expect(row.input.size).toBe(224);
  expect(row.norms).toBe('train');
});

test('no name stands there twice', () => {
  expect(new Set(knownWeights.map(({ name }) => name)).size).toBe(knownWeights.length);
});

test('which backbones have no weights', () => {
  const without = backbones.filter(({ name }) => defaultWeights(name) === undefined);
  expect(without.map(({ name }) => name)).toEqual([
    'vgg_m',
    'seresnet101',
    'mobilenet_v2_035',
    'mobilenet_v2_075',
    'mobilenet_v2_130',
    'resnet_tiny',
  ]);
});

test("torchvision's GoogLeNet wants pixels from -1 to 1, the others ImageNet's mean", () => {
  const { description } = describeKnown(defaultWeights('googlenet'), 'exact');
  expect(description).toMatchObject({
    input: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    licence: 'BSD-3-Clause',
    source: 'exact',
  });
  const { input } = defaultWeights('vgg16')!;
  expect(input.mean).toEqual([0.485, 0.456, 0.406]);
});

test('networks with the stride in another place are told apart', () => {
  expect(isArchitecture('legacy_seresnet50', 'seresnet50')).toBe(false);
  expect(isArchitecture('resnetaa50', 'resnet50')).toBe(false);
  expect(isArchitecture('legacy_senet154', 'senet154')).toBe(true);
  expect(isArchitecture('mobilenetv2_100', 'mobilenet_v2')).toBe(true);
  expect(findKnownWeights('hf:timm/legacy_seresnet50.in1k')).toBeUndefined();
});
