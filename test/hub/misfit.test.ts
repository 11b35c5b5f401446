// Weights of another network: every network of the table is known by its tensors and taken for no other,
// and the error says whose they are.
import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../src/core/tensor.ts';
import { convertNames } from '../../src/hub/convert.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { compareWith, isWhole } from '../../src/hub/fit.ts';
import { identify } from '../../src/hub/misfit.ts';
import { askedBelow, networkParameters } from '../../src/hub/network-parameters.ts';
import type { LoadedWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import { backbones, findBackbone } from '../../src/nn/backbones/table.ts';

type Shapes = Record<string, readonly number[]>;

/** A file of which only names and shapes matter. */
function file(shapes: Shapes, path = 'file.pth'): LoadedWeights {
  const tensors = Object.entries(shapes).map(
    ([name, shape]) => [name, { dtype: 'float32', shape, data: new Float32Array(0) }] as const,
  );
  const found = new Map(tensors as unknown as [string, HostTensor][]);
  return { path, hash: '', tensors: found, description: torchvisionDescription, describedBy: '' };
}

const asked = new Map(
  backbones.map((backbone) => [
    backbone.name,
    askedBelow(networkParameters(backbone, 1), 'backbone'),
  ]),
);

/** Names and shapes of a network of ours, with a classifier. */
function shapesOf(name: string, prefix = ''): Shapes {
  const { headPath } = findBackbone(name);
  const network = asked.get(name)!.map(({ name, shape }) => [prefix + name, shape]);
  return Object.fromEntries([...network, [`${prefix}${headPath}.weight`, [5, 7]]]);
}

test.each(backbones.map(({ name }) => name))(
  '%s is known, and no other is taken for it',
  (name) => {
    expect(identify(file(shapesOf(name, 'model.')))?.name).toBe(name);
    const takers = backbones.filter((backbone) => {
      return isWhole(compareWith(asked.get(backbone.name)!, file(shapesOf(name)), backbone));
    });
    expect(takers.map((backbone) => backbone.name)).toEqual([name]);
  },
);

function refusal(weights: LoadedWeights, name: string, root = 'backbone'): string {
  const backbone = findBackbone(name);
  const parameters = networkParameters(backbone, 3);
  try {
    fillFromWeights(parameters, new Map(), weights, { backbone, classes: ['a', 'b', 'c'], root });
  } catch (error) {
    expect(error).toMatchObject({ code: 'FM_WEIGHTS' });
    if (root === 'backbone') {
      expect(() => convertNames(weights, backbone, 'timm')).toThrow((error as Error).message);
    }
    return (error as Error).message;
  }
  return 'loads';
}

test.each([
  ['resnet34', 'resnet18'],
  ['resnet101', 'resnet50'],
  ['resnet152', 'resnet50'],
  ['seresnet50', 'resnet50'],
  ['densenet169', 'densenet121'],
  ['vgg16', 'vgg13'],
  ['vgg16_bn', 'vgg16'],
  ['mobilenet_v2_140', 'mobilenet_v2'],
  ['alexnet', 'googlenet'],
])('%s for %s', (theirs, ours) => {
  const message = refusal(file(shapesOf(theirs, 'module.backbone.')), ours);
  expect(message).toMatch(`expected weights of ${ours}, got those of ${theirs}: `);
  expect(message).toMatch(`Choose --backbone ${theirs}, or other weights.`);
});

test('layers that are more are named', () => {
  expect(refusal(file(shapesOf('resnet34')), 'resnet18')).toMatch(
    /16 more than resnet18 has: layer1\.2\.conv1\.weight, /,
  );
});

/** ResNet-18-D as timm has it: three kernels for a stem, an average before the shortcut's kernel. */
function deepStem(): Shapes {
  const { 'conv1.weight': _, ...rest } = shapesOf('resnet18');
  const shortcut = (name: string) =>
    name.replace(/downsample\.([01])/, (_, at) => `downsample.${Number(at) + 1}`);
  const renamed = Object.entries(rest).map(([name, shape]) => [shortcut(name), shape]);
  const stem: Shapes = {
    'conv1.0.weight': [32, 3, 3, 3],
    'conv1.1.weight': [32],
    'conv1.3.weight': [32, 32, 3, 3],
    'conv1.6.weight': [64, 32, 3, 3],
  };
  return { ...stem, ...Object.fromEntries(renamed) };
}

const resnet18 = shapesOf('resnet18');
const resnet50 = shapesOf('resnet50');

test.each<[what: RegExp, shapes: Shapes, ours: string]>([
  [/a ResNet-18 with a deep stem \(timm: resnet18d\)/, deepStem(), 'resnet18'],
  [/a ResNet-18 for small images/, { ...resnet18, 'conv1.weight': [64, 3, 3, 3] }, 'resnet18'],
  [
    /a ResNet-18 for images of 1 channel:/,
    { ...resnet18, 'conv1.weight': [64, 1, 7, 7] },
    'resnet18',
  ],
  [/a ResNeXt \(a ResNet-50/, { ...resnet50, 'layer1.0.conv2.weight': [128, 4, 3, 3] }, 'resnet50'],
  [/a wide ResNet-50/, { ...resnet50, 'layer1.0.conv2.weight': [128, 128, 3, 3] }, 'resnet50'],
  [/a ResNet-18 for volumes/, { ...resnet18, 'conv1.weight': [64, 1, 7, 7, 7] }, 'resnet18'],
  [/a ResNet of Detectron2/, { 'bottom_up.res2.0.conv1.norm.weight': [64] }, 'resnet50'],
  [/a vision transformer/, { cls_token: [1, 1, 192] }, 'resnet50'],
  [/an EfficientNet/, { 'blocks.1.0.se.conv_reduce.weight': [4, 96, 1, 1] }, 'mobilenet_v2'],
])('%s is said, with the way by ONNX', (what, shapes, ours) => {
  const message = refusal(file(shapes), ours);
  expect(message).toMatch(what);
  expect(message).toMatch(/There is no such network here: .*--backbone onnx:FILE/);
});

describe('what stands beside or within a network', () => {
  const beside: Shapes = {
    'fc2.weight': [9, 512],
    'aux_head.conv.weight': [8, 512, 1, 1],
    'layer1.0.conv1.total_ops': [1],
    'layer1.0.bn1.num_batches_tracked': [],
    'layer1.0.conv1.weight_mask': [64, 64, 3, 3],
    'encoder_k.conv1.weight': [64, 3, 7, 7],
  };
  test('is no reason to refuse', () => {
    expect(refusal(file({ ...resnet18, ...beside }), 'resnet18')).toBe('loads');
    const detector = { 'neck.conv1.weight': [8, 8, 3, 3], 'layer5.0.conv1.weight': [8, 8, 3, 3] };
    const inner = { ...shapesOf('resnet18', 'backbone.'), ...detector };
    expect(refusal(file(inner), 'resnet18')).toBe('loads');
  });

  test.each<[what: string, more: Shapes]>([
    ['attention within blocks', { 'layer1.0.ca.fc1.weight': [4, 64, 1, 1] }],
    ['updates of low rank', { 'layer2.0.conv1.lora_A': [4, 64] }],
    ['a stage behind the last', { 'layer5.0.conv1.weight': [512, 512, 3, 3] }],
  ])('%s is one', (_, more) => {
    expect(refusal(file({ ...resnet18, ...more }), 'resnet18')).toMatch(
      /1 more than resnet18 has: .*They fit none of the networks/,
    );
  });
});

test('names of nothing that is asked for, and of nothing at all', () => {
  expect(refusal(file({ exp_avg: [3], step: [] }), 'resnet18')).toMatch(
    /2 tensors of other names: exp_avg, step\./,
  );
  expect(refusal(file({}), 'resnet18')).toMatch(/got no tensors\./);
});

test('types that are not read are named', () => {
  const { 'conv1.weight': _, ...rest } = resnet18;
  const weights = { ...file(rest), unread: new Map([['conv1.weight', 'int8']]) };
  expect(refusal(weights, 'resnet18')).toMatch(
    /floating point, got 1 of other types: conv1\.weight is int8\. Save the network in float32/,
  );
});

test('the second network of a method is chosen by another option', () => {
  const backbone = findBackbone('resnet18');
  const parameters = networkParameters(backbone, 3);
  for (const [path, spec] of [...parameters.specs]) {
    const moved = path.replace(/^backbone\./, 'backbone2.');
    parameters.specs.set(moved, { ...spec, path: moved });
  }
  const destination = { backbone, classes: [], root: 'backbone2' };
  const fill = () =>
    fillFromWeights(parameters, new Map(), file(shapesOf('resnet34')), destination);
  expect(fill).toThrow('Choose --set options.second=resnet34, or other weights.');
});
