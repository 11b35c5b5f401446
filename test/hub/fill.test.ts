// Numbers from files into networks: names of other libraries, classifiers, what does not fit.
import { expect, test } from 'vitest';
import { float32, type HostTensor, hostTensor, zeros } from '../../src/core/tensor.ts';
import { convertNames } from '../../src/hub/convert.ts';
import { fillFromWeights, loadingNotes } from '../../src/hub/fill.ts';
import { networkParameters } from '../../src/hub/network-parameters.ts';
import type { LoadedWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import type { Backbone } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import type { ParameterStore } from '../../src/nn/scope.ts';

const CLASSES = ['ash', 'elm', 'oak'];

function file(tensors: ReadonlyMap<string, HostTensor>, classes?: readonly string[]) {
  const description = { ...torchvisionDescription, classes };
  return { path: 'file', hash: '', tensors, description, describedBy: '' } as LoadedWeights;
}

/** A network of zeros by torchvision's names, with a classifier. What is what, identity tells. */
function network(backbone: Backbone) {
  const parameters = networkParameters(backbone, CLASSES.length);
  const store: ParameterStore = new Map();
  for (const { path, shape } of parameters.specs.values()) store.set(path, zeros(shape));
  const named = [...store].map(([path, tensor]) => [
    path.replace(/^backbone\./, '').replace(/^head\./, `${backbone.headPath}.`),
    tensor,
  ]) as [string, HostTensor][];
  return { store, tensors: new Map(named) };
}

/** The same numbers, not equal ones, in places of the same names. */
function expectSame(got: ReadonlyMap<string, HostTensor>, expected: typeof got) {
  expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [path, { shape, data }] of expected) {
    expect(got.get(path)!.shape, path).toEqual(shape);
    expect(got.get(path)!.data === data, path).toBe(true);
  }
}

function load(backbone: Backbone, weights: LoadedWeights, classes: readonly string[] = CLASSES) {
  const store: ParameterStore = new Map();
  const parameters = networkParameters(backbone, classes.length);
  const report = fillFromWeights(parameters, store, weights, { backbone, classes });
  return { store, report };
}

const foreign = [
  'resnet18',
  'resnet50',
  'mobilenet_v2',
  'mobilenet_v2_035',
  'vgg11',
  'vgg11_bn',
  'densenet121',
];

test.each(foreign)('%s loads by the names of others, its classifier too', (name) => {
  const backbone = findBackbone(name);
  const { tensors, store } = network(backbone);
  for (const scheme of backbone.foreignNames!) {
    const renamed = [...tensors].map(([own, tensor]) => [scheme.of(own), tensor] as const);
    expect(new Set(renamed.map(([other]) => other)).size).toBe(tensors.size);
    const found = load(backbone, file(new Map(renamed)));
    expect(found.report).toMatchObject({ scheme: scheme.name, head: 'loaded', unused: [] });
    expectSame(found.store, store);
  }
});

test.each([
  ['resnet18', 'bn1.bias', 'embedder.embedder.normalization.bias'],
  ['resnet50', 'layer2.3.conv3.weight', 'encoder.stages.1.layers.3.layer.2.convolution.weight'],
  [
    'resnet50',
    'layer1.0.downsample.1.running_var',
    'encoder.stages.0.layers.0.shortcut.normalization.running_var',
  ],
  ['mobilenet_v2', 'features.0.0.weight', 'conv_stem.weight'],
  ['mobilenet_v2', 'features.1.conv.0.0.weight', 'blocks.0.0.conv_dw.weight'],
  ['mobilenet_v2', 'features.1.conv.2.bias', 'blocks.0.0.bn2.bias'],
  ['mobilenet_v2', 'features.3.conv.1.1.running_var', 'blocks.1.1.bn2.running_var'],
  ['mobilenet_v2', 'features.17.conv.2.weight', 'blocks.6.0.conv_pwl.weight'],
  ['mobilenet_v2', 'features.18.1.weight', 'bn2.weight'],
  ['vgg16', 'classifier.3.bias', 'pre_logits.fc2.bias'],
  [
    'densenet121',
    'features.denseblock2.denselayer11.norm2.weight',
    'features.denseblock2.denselayer11.norm.2.weight',
  ],
])('%s: %s is %s elsewhere', (name, own, other) => {
  expect(findBackbone(name).foreignNames!.map(({ of }) => of(own))).toContain(other);
});

test('a prefix that all names share is of no consequence', () => {
  const backbone = findBackbone('resnet_tiny');
  const { tensors, store } = network(backbone);
  const renamed = new Map([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]));
  expectSame(load(backbone, file(renamed)).store, store);
});

test('a classifier for other classes starts anew, and the report says why', () => {
  const backbone = findBackbone('resnet_tiny');
  const { tensors } = network(backbone);
  const head = (weights: LoadedWeights, classes?: readonly string[]) => {
    const { report, store } = load(backbone, weights, classes);
    expect(store.has('head.weight')).toBe(report.head === 'loaded');
    return report;
  };
  expect(head(file(tensors, CLASSES)).head).toBe('loaded');
  expect(head(file(tensors, ['ash', 'oak', 'elm'])).head).toMatch(/other classes/);
  const more = head(file(tensors), ['a', 'b', 'c', 'd']);
  expect(more.unused).toEqual(['fc.weight', 'fc.bias']);
  expect(loadingNotes(more)).toEqual([
    `weights: ${tensors.size - 2} tensors loaded; 2 in the file are not used (fc.weight, fc.bias)`,
    "weights: the classifier starts anew, because the file's has 3 classes and the data 4",
  ]);
  tensors.delete('fc.weight');
  expect(head(file(tensors)).head).toBeUndefined();
});

test('doubles are narrowed, whole numbers refused, as are numbers that are none', () => {
  const backbone = findBackbone('resnet_tiny');
  const { tensors, store } = network(backbone);
  const [name, first] = [...tensors][0];
  const change = (tensor: HostTensor) => file(new Map([...tensors, [name, tensor]]));
  const double = hostTensor('float64', first.shape, Float64Array.from(first.data as Float32Array));
  expect(load(backbone, change(double)).store).toEqual(store);
  const whole = hostTensor('int32', first.shape, new Int32Array(first.data.length));
  expect(() => load(backbone, change(whole))).toThrow(
    /floating point, got .*conv1\.weight is int32/,
  );
  const bad = float32(
    first.shape,
    Float32Array.from(first.data as Float32Array).fill(Number.NaN, 3, 4),
  );
  expect(() => load(backbone, change(bad))).toThrow(/NaN or infinity in 'conv1.weight'/);
});

test('weights of another width name what differs', () => {
  const { tensors } = network(findBackbone('mobilenet_v2_035'));
  expect(() => load(findBackbone('mobilenet_v2_050'), file(tensors))).toThrow(
    /\d+ of another shape: features\.\S+ is \[.*\], not \[.*--backbone/s,
  );
});

test.each(['mobilenet_v2_035', 'vgg11', 'resnet_tiny'])('%s: there and back again', (name) => {
  const backbone = findBackbone(name);
  const { tensors } = network(backbone);
  const counters = [...tensors.keys()]
    .filter((key) => key.endsWith('running_var'))
    .map((key) => key.replace('running_var', 'num_batches_tracked'));
  for (const key of counters) tensors.set(key, hostTensor('int64', [], BigInt64Array.of(3n)));
  const there = convertNames(file(tensors), backbone, 'timm');
  const back = convertNames(file(there), backbone, 'torchvision');
  expectSame(back, tensors);
  expect([...there.keys()].at(-1)).toMatch(/(fc|classifier|head).*bias$/);
});

test('of several copies one is taken, told and converted', () => {
  const backbone = findBackbone('resnet_tiny');
  const { tensors, store } = network(backbone);
  const other = network(backbone).tensors;
  const both = file(
    new Map([
      ...[...other].map(([name, tensor]) => [`encoder_k.${name}`, tensor] as const),
      ...[...tensors].map(([name, tensor]) => [`encoder_q.${name}`, tensor] as const),
    ]),
  );
  const found = load(backbone, both);
  expectSame(found.store, store);
  expect(loadingNotes(found.report)).toContain(
    "weights: the copy below 'encoder_q.' is taken, not the one below 'encoder_k.'",
  );
  expectSame(convertNames(both, backbone, 'torchvision'), tensors);
});

test("Transformers' classifier stands beside the network that has the prefix", () => {
  const backbone = findBackbone('resnet18');
  const { tensors, store } = network(backbone);
  const [{ of }] = backbone.foreignNames!;
  const renamed = [...tensors].map(([name, tensor]) => {
    return [name.startsWith('fc.') ? of(name) : `resnet.${of(name)}`, tensor] as const;
  });
  const found = load(backbone, file(new Map(renamed)));
  expect(found.report).toMatchObject({ scheme: 'Transformers', head: 'loaded', unused: [] });
  expectSame(found.store, store);
});

test('modules in a list, with a classifier of their own', () => {
  const backbone = findBackbone('resnet_tiny');
  const { tensors, store } = network(backbone);
  const modules = ['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'];
  const renamed = [...tensors].map(([name, tensor]) => {
    const [module, ...rest] = name.split('.');
    const place = module === 'fc' ? 'classifier' : `features.${modules.indexOf(module)}`;
    return [`${place}.${rest.join('.')}`, tensor] as const;
  });
  const found = load(backbone, file(new Map(renamed)));
  expectSame(found.store, store);
  expect(loadingNotes(found.report)).toEqual([
    `weights: ${tensors.size - 2} tensors loaded by the order of its modules`,
    'weights: the classifier is taken over, too',
  ]);
  expectSame(convertNames(file(new Map(renamed)), backbone, 'torchvision'), tensors);
});

test("timm's VGG has its hidden layers as convolutions", () => {
  const backbone = findBackbone('vgg11');
  const { tensors } = network(backbone);
  const there = convertNames(file(tensors), backbone, 'timm');
  expect(there.get('pre_logits.fc1.weight')!.shape).toEqual([4096, 512, 7, 7]);
  expect(there.get('pre_logits.fc2.weight')!.shape).toEqual([4096, 4096, 1, 1]);
  expect(there.get('head.fc.weight')!.shape).toEqual([3, 4096]);
});

test('a file of another network is not converted', () => {
  const { tensors } = network(findBackbone('resnet_tiny'));
  expect(() => convertNames(file(tensors), findBackbone('mobilenet_v2'), 'timm')).toThrow(
    /expected weights of mobilenet_v2, got those of resnet_tiny: .*--backbone resnet_tiny/,
  );
});
