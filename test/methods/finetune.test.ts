// Which stages fine-tuning has.
import { expect, test } from 'vitest';
import { finetune } from '../../src/methods/finetune.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';

function stages(pretrained: boolean, options: object): string[] {
  const context = {
    options: finetune.options.parse(options),
    backbone: findBackbone('resnet_tiny'),
    pixels: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    padding: 'torch',
    norms: 'frozen',
    classes: 3,
    pretrained,
  } as const;
  return finetune.stages(context).map(({ name }) => name);
}

test('with weights the head is trained first, unless it is to stay fresh', () => {
  expect(stages(true, {})).toEqual(['head', 'all']);
  expect(stages(true, { head: 'fresh' })).toEqual(['all']);
});

test('on random features no head is trained', () => {
  expect(stages(false, {})).toEqual(['all']);
  expect(stages(false, { head: 'trained' })).toEqual(['all']);
});
