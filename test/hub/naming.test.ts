// How files call the parameters of a network: prefixes, wrappers, copies, lists of modules.
import { expect, test } from 'vitest';
import type { HostTensor } from '../../src/core/tensor.ts';
import { findClassifier } from '../../src/hub/classifier.ts';
import { findNaming } from '../../src/hub/naming.ts';
import { askedBelow, networkParameters } from '../../src/hub/network-parameters.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';

const backbone = findBackbone('resnet_tiny');
const parameters = networkParameters(backbone, 3);
const asked = askedBelow(parameters, 'backbone');
const heads = [...parameters.specs.values()].filter(({ path }) => path.startsWith('head.'));

/** A tensor of a file of which only the shape matters. */
const shaped = (...shape: number[]) =>
  ({ dtype: 'float32', shape, data: new Float32Array(0) }) as HostTensor;
const names = (rename: (name: string) => string) =>
  asked.map(({ name, shape }) => [rename(name), shaped(...shape)] as const);
const behind = (prefix: string) => names((name) => prefix + name);
const find = (...parts: (readonly (readonly [string, HostTensor])[])[]) =>
  findNaming(asked, new Map(parts.flat()), []);

test.each(['', 'model.', 'net.backbone.', 'encoder.0.body.'])("the prefix '%s'", (prefix) => {
  const naming = find(behind(prefix), [['criterion.weight', shaped(3)]]);
  expect(naming).toMatchObject({ prefix, hits: asked.length, others: [] });
  expect(naming.of('layer1.0.conv1.weight')).toBe(`${prefix}layer1.0.conv1.weight`);
});

test('one name that looks alike decides nothing', () => {
  const [conv1, ...rest] = behind('');
  const naming = find([['layer1.0.conv9.conv1.weight', conv1[1]]], rest);
  expect(naming).toMatchObject({ prefix: '', hits: asked.length - 1 });
  expect(find([['layer1.0.conv1.weight', shaped(16, 16, 3, 3)]])).toMatchObject({ hits: 0 });
});

test.each([
  [['encoder_k.', 'encoder_q.'], 'encoder_q.'],
  [['module.momentum_encoder.', 'module.base_encoder.'], 'module.base_encoder.'],
  [['target_network.encoder.', 'online_network.encoder.'], 'online_network.encoder.'],
  [['teacher.', 'student.'], 'student.'],
  [['model.', 'ema_model.'], 'ema_model.'],
  [['', 'model_ema.'], 'model_ema.'],
])('of the copies %j, %s is meant', (prefixes, expected) => {
  for (const order of [prefixes, prefixes.toReversed()]) {
    const naming = find(...order.map(behind));
    expect(naming.prefix).toBe(expected);
    expect(naming.others).toEqual(prefixes.filter((prefix) => prefix !== expected));
  }
});

test('a copy that is not whole is not meant', () => {
  const parameters = behind('ema.').filter(([name]) => !name.includes('running'));
  expect(find(parameters, behind('model.'))).toMatchObject({ prefix: 'model.', others: [] });
});

test('of two networks of the same names, that of the right shapes is meant', () => {
  const wide = names((name) => `student.${name}`).map(([name]) => [name, shaped(7)] as const);
  expect(find(wide, behind('teacher.')).prefix).toBe('teacher.');
});

/** conv1, bn1, layer1 ... as a list has them, with what has no parameters in between. */
const place = (name: string) => {
  const [module] = name.split('.', 1);
  const at = ['conv1', 'bn1', 'relu', 'layer1', 'layer2', 'layer3', 'layer4'].indexOf(module);
  return `${at}${name.slice(module.length)}`;
};

test.each(['', 'features.', 'model.0.'])("modules in a list behind '%s'", (prefix) => {
  const naming = find(
    names((name) => prefix + place(name)),
    [['classifier.1.weight', shaped(3, 128)]],
  );
  expect(naming).toMatchObject({ prefix, scheme: 'the order of its modules' });
  expect(naming.of('bn1.bias')).toBe(`${prefix}1.bias`);
  expect(naming.of('layer4.0.conv1.weight')).toBe(`${prefix}6.0.conv1.weight`);
});

test('modules in a list of another network are not taken for these', () => {
  const list = names(place).map(([name, { shape }]) => {
    return [name, name === '6.0.conv1.weight' ? shaped(1, 2, 3, 3) : shaped(...shape)] as const;
  });
  expect(find(list)).toMatchObject({ hits: 0 });
});

test.each<[what: string, layers: Record<string, number[]>, found: string | undefined]>([
  ['its own place', { 'fc.weight': [3, 128], 'fc.bias': [3] }, 'fc'],
  ['behind a dropout', { 'fc.1.weight': [3, 128], 'fc.1.bias': [3] }, 'fc.1'],
  ["a head's", { 'head.fc.weight': [3, 128], 'head.fc.bias': [3] }, 'head.fc'],
  [
    'a hidden layer before it',
    { 'fc.0.weight': [128, 128], 'fc.0.bias': [128], 'fc.2.weight': [3, 128], 'fc.2.bias': [3] },
    undefined,
  ],
  ['of other features', { 'head.weight': [3, 64], 'head.bias': [3] }, undefined],
  ['without a shift', { 'arcface.weight': [3, 128] }, undefined],
])('a classifier: %s', (_, layers, found) => {
  const tensors = new Map([
    ...behind(''),
    ...Object.entries(layers).map(([name, shape]) => [name, shaped(...shape)] as const),
  ]);
  const used = new Set(asked.map(({ name }) => name));
  const parts = findClassifier(heads, findNaming(asked, tensors, []), { tensors }, backbone, used);
  expect(parts).toEqual(found === undefined ? [] : [`${found}.weight`, `${found}.bias`]);
});
