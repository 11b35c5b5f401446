// Which stages fine-tuning has, and what trains in them.

import { expect, test } from 'vitest';
import { type FinetuneOptions, finetune } from '../../src/methods/finetune.ts';
import type { MethodContext } from '../../src/methods/method.ts';
import { trainedAmong } from '../../src/methods/stage.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { tinyContext } from '../support/method-context.ts';

const contextOf = (pretrained: boolean, options: object): MethodContext<FinetuneOptions> =>
  tinyContext(finetune, options, { pretrained });

function stages(pretrained: boolean, options: object): string[] {
  return trainedAmong(finetune.stages(contextOf(pretrained, options))).map(({ name }) => name);
}

test('with weights the head is trained first, unless it is to stay fresh', () => {
  expect(stages(true, {})).toEqual(['head', 'all']);
  expect(stages(true, { head: 'fresh' })).toEqual(['all']);
});

test('on random features no head is trained', () => {
  expect(stages(false, {})).toEqual(['all']);
  expect(stages(false, { head: 'trained' })).toEqual(['all']);
});

/** Paths of the parameters that the stage `all` has, by what they do there. */
function parametersOfAll(name: string, changes: Partial<MethodContext>, options: object = {}) {
  const context = { ...contextOf(true, options), backbone: findBackbone(name), ...changes };
  const stage = trainedAmong(finetune.stages(context as MethodContext<FinetuneOptions>)).at(-1)!;
  const parameters = new Parameters(stage.trains);
  const uniforms: string[] = [];
  const batch = stageBatch(stage, [2, 64, 64, 3], { drawn: (key) => uniforms.push(key) });
  stage.loss(parameters.root(), batch);
  const trained = parameters.trainable().map(({ spec }) => spec.path);
  return { all: [...parameters.specs.keys()], trained, uniforms };
}

test('the inner classifiers of GoogLeNet train, unless they are left out', () => {
  const { trained } = parametersOfAll('googlenet', {});
  expect(trained).toContain('auxiliary.aux1.conv.conv.weight');
  expect(trained).toContain('auxiliary.aux2.fc2.bias');
  const without = parametersOfAll('googlenet', {}, { auxiliary: 0 }).all;
  expect(without.filter((path) => path.startsWith('auxiliary.'))).toEqual([]);
});

test('frozen stages do not train; all else does', () => {
  const network = { ...publishedNetwork, freeze: 1 };
  const { trained, all } = parametersOfAll('resnet18', { network });
  const still = all.filter((path) => !trained.includes(path) && !/running_/.test(path));
  expect(new Set(still.map((path) => path.split('.')[1]))).toEqual(
    new Set(['conv1', 'bn1', 'layer1']),
  );
});

test('pooling replaces hidden layers; dropout is where they are, or before the classifier', () => {
  const average = { ...publishedNetwork, pooling: 'average' } as const;
  const hidden = parametersOfAll('alexnet', {}, { dropout: 'network' });
  expect(hidden.all).toContain('backbone.classifier.1.weight');
  expect(hidden.uniforms).toEqual(['1', '4']);
  const flat = parametersOfAll('alexnet', { network: average }, { dropout: 0.2 });
  expect(flat.all.filter((path) => path.includes('classifier'))).toEqual([]);
  expect(flat.uniforms).toEqual(['dropout']);
});
