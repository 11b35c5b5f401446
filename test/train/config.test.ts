// Configurations: defaults, names of what is wrong, stage settings laid over defaults.

import { expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import { headSettings, networkSettings } from '../../src/methods/settings.ts';
import { parseConfig, type StageOverrides, stageSettings } from '../../src/train/config.ts';

test('data is all that must be given', () => {
  expect(parseConfig({ data: '/birds' })).toEqual({
    data: '/birds',
    method: 'finetune',
    network: { lastStage: 'stride', pooling: 'network', freeze: 0 },
    input: {},
    options: {},
    backbone: 'mobilenet_v2',
    weights: 'https://download.pytorch.org/models/mobilenet_v2-b0353104.pth',
    offline: false,
    size: 224,
    view: 'centre-crop',
    within: 'image',
    stages: 'all',
    trunk: {},
    seed: 0,
    refit: false,
    norms: 'auto',
    device: 'cpu',
    lowering: 'auto',
    workers: 1,
    checkpointEvery: 60,
    stage: {},
  });
});

test('without weights a smaller network sees smaller images', () => {
  expect(parseConfig({ data: '/birds', weights: 'none' })).toMatchObject({
    backbone: 'resnet_tiny',
    size: 112,
  });
  const backbone = 'resnet50';
  expect(parseConfig({ data: '/birds', weights: 'none', backbone })).toMatchObject({ size: 112 });
});

test('a backbone brings its weights, where any are known', () => {
  expect(parseConfig({ data: '/birds', backbone: 'seresnet50' })).toMatchObject({
    weights: 'hf:timm/seresnet50.ra2_in1k',
    size: 224,
  });
  expect(parseConfig({ data: '/birds', backbone: 'resnet_tiny' })).toMatchObject({
    weights: 'none',
    size: 112,
  });
});

test('weights bring a larger network and larger images', () => {
  const weights = 'mobilenet_v2.safetensors';
  expect(parseConfig({ data: '/birds', weights })).toMatchObject({
    backbone: 'mobilenet_v2',
    size: 224,
  });
  expect(parseConfig({ data: '/birds', weights, size: 96 })).toMatchObject({ size: 96 });
});

test('what is parsed parses to itself', () => {
  const config = parseConfig({ data: 'd', stage: { all: { augment: { flip: 0 } } }, epochs: 3 });
  expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
});

test('stages is a name, or an object with the settings of stages', () => {
  expect(parseConfig({ data: 'd', stages: 'head' })).toMatchObject({ stages: 'head', stage: {} });
  expect(parseConfig({ data: 'd', stages: { all: { epochs: 2 } } })).toMatchObject({
    stages: 'all',
    stage: { all: { epochs: 2 } },
  });
});

test.each([
  [{}, /^configuration\.data: /],
  [{ data: '' }, /^configuration\.data: /],
  [{ data: 'd', epoch: 3 }, /"epoch"/],
  [{ data: 'd', size: 31 }, /^configuration\.size: .*32/],
  [{ data: 'd', size: 'large' }, /^configuration\.size: /],
  [{ data: 'd', weights: '' }, /^configuration\.weights: /],
  [{ data: 'd', offline: 'yes' }, /^configuration\.offline: /],
  [{ data: 'd', seed: -1 }, /^configuration\.seed: /],
  [{ data: 'd', epochs: 0 }, /^configuration\.epochs: /],
  [{ data: 'd', view: 'fish-eye' }, /^configuration\.view: /],
  [{ data: 'd', norms: 'some' }, /^configuration\.norms: /],
  [{ data: 'd', stage: { all: { epoch: 3 } } }, /^configuration\.stage\.all: .*"epoch"/],
  [{ data: 'd', stages: { all: { batch: 0 } } }, /^configuration\.stage\.all\.batch: /],
  [{ data: 'd', stages: { all: { ema: 1 } } }, /^configuration\.stage\.all\.ema: /],
  [{ data: 'd', stages: { all: { mixup: -1 } } }, /^configuration\.stage\.all\.mixup: /],
  [{ data: 'd', stages: { all: { cutmix: 'x' } } }, /^configuration\.stage\.all\.cutmix: /],
  [{ data: 'd', stages: { all: { accumulate: 0.5 } } }, /^configuration\.stage\.all\.accumulate: /],
  [{ data: 'd', stage: { all: { augment: { hue: 1 } } } }, /\.augment\.hue: /],
  [{ data: 'd', stage: { all: { augment: { hew: 1 } } } }, /\.augment: .*"hew"/],
  [null, /^configuration: /],
  ['text', /^configuration: /],
])('%j is refused by the name of its key', (input, message) => {
  const parse = () => parseConfig(input);
  expect(parse).toThrow(FieldmarkError);
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.objectContaining({ code: 'FM_CONFIG' }));
});

const defaults = headSettings();

test('a stage keeps what is not overridden', () => {
  expect(stageSettings('head', defaults)).toEqual(defaults);
  const settings = stageSettings('all', networkSettings(true), {
    epochs: 3,
    augment: { flip: 0 },
  });
  expect(settings).toEqual({
    ...networkSettings(true),
    epochs: 3,
    augment: { ...networkSettings(true).augment, flip: 0 },
  });
});

test('an optimiser of the same kind is changed, one of another kind starts from its own defaults', () => {
  const optimiser = (wish: Record<string, unknown>) =>
    stageSettings('all', defaults, { optimiser: wish }).optimiser;
  expect(optimiser({ momentum: 0.5 })).toEqual({ kind: 'sgd', momentum: 0.5, nesterov: true });
  expect(optimiser({ kind: 'sgd', nesterov: false })).toEqual({
    kind: 'sgd',
    momentum: 0.9,
    nesterov: false,
  });
  expect(optimiser({ kind: 'adamw', beta1: 0.8 })).toEqual({
    kind: 'adamw',
    beta1: 0.8,
    beta2: 0.999,
    epsilon: 1e-8,
  });
});

test('images of a class follow a batch that is changed, unless they are given', () => {
  // ten classes by three images
  const joint = { ...defaults, batch: 30, sampler: { kind: 'balanced', samples: 3 } } as const;
  const samples = (wish: StageOverrides) => {
    const { sampler } = stageSettings('all', joint, wish);
    return sampler.kind === 'balanced' && sampler.samples;
  };
  expect(samples({ rate: 1 })).toBe(3);
  expect(samples({ batch: 16 })).toBe(2); // eight classes
  expect(samples({ batch: 32 })).toBe(4); // two images would need sixteen
  expect(samples({ accumulate: 2 })).toBe(3); // five classes in each pass
  expect(samples({ batch: 20, sampler: { samples: 5 } })).toBe(5);
  expect(() => samples({ batch: 1 })).toThrow(
    'of the 1 images of a pass, got 3. Use another batch',
  );
  expect(() => samples({ batch: 32, sampler: { samples: 3 } })).toThrow(
    /^stages\.all\.sampler\.samples: expected a divisor of the 32 .* Use one of 2, 4, 8, 16, 32,/,
  );
});

test('a schedule likewise', () => {
  const schedule = (wish: Record<string, unknown>) =>
    stageSettings('all', defaults, { schedule: wish }).schedule;
  expect(schedule({ warmup: 2 })).toEqual({ kind: 'cosine', warmup: 2, floor: 0 });
  expect(schedule({ kind: 'step', at: [3, 6] })).toEqual({
    kind: 'step',
    warmup: 0,
    at: [3, 6],
    factor: 0.1,
  });
  expect(schedule({ kind: 'plateau', watch: 'top1' })).toEqual({
    kind: 'plateau',
    warmup: 0,
    watch: 'top1',
    factor: 0.1,
    patience: 3,
    threshold: 1e-4,
    cooldown: 0,
    floor: 0,
  });
});

test.each([
  [{ optimiser: { beta1: 0.9 } }, /^stages\.all\.optimiser: .*"beta1"/],
  [{ optimiser: { kind: 'lion' } }, /^stages\.all\.optimiser\.kind: /],
  [{ optimiser: { momentum: 2 } }, /^stages\.all\.optimiser\.momentum: /],
  [{ schedule: { kind: 'step' } }, /^stages\.all\.schedule\.at: /],
  [{ schedule: { floor: 2 } }, /^stages\.all\.schedule\.floor: /],
  [{ schedule: { kind: 'plateau', factor: 1 } }, /^stages\.all\.schedule\.factor: /],
  [{ schedule: { kind: 'plateau', patience: 0.5 } }, /^stages\.all\.schedule\.patience: /],
  [{ schedule: { kind: 'plateau', watch: 'lr' } }, /^stages\.all\.schedule\.watch: /],
  [
    { batch: 12, accumulate: 5 },
    /^stages\.all\.accumulate: expected a divisor of stages\.all\.batch, which is 12, got 5\. Use one of 1, 2, 3, 4, 6, 12, or another batch\.$/,
  ],
])('%j is refused', (wish, message) => {
  expect(() => stageSettings('all', defaults, wish)).toThrow(message);
});

test('a fold is one of its number', () => {
  const fold = (index: number, count: number) =>
    parseConfig({ data: 'd', fold: { index, count, seed: 0 } });
  expect(fold(5, 5).fold).toEqual({ index: 5, count: 5, seed: 0 });
  expect(() => fold(6, 5)).toThrow(/fold: .*index must be from 1 to count/);
  expect(() => fold(0, 5)).toThrow(/fold.index/);
  expect(() => fold(1, 1)).toThrow(/fold.count/);
});
