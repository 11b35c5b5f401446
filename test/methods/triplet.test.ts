// The triplet method: its stages, its loss on a batch, and what it refuses.

import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/core/example.ts';
import { randomStream } from '../../src/core/random.ts';
import { hostTensor } from '../../src/core/tensor.ts';
import type { MethodContext } from '../../src/methods/method.ts';
import { trainedAmong } from '../../src/methods/stage.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import type { StageSettings } from '../../src/methods/stage-settings.ts';
import type { TripletOptions } from '../../src/methods/triplet/options.ts';
import { triplet } from '../../src/methods/triplet/triplet.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { imageInput } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { targetsOf } from '../../src/train/batches.ts';
import { stageSettings } from '../../src/train/config.ts';
import { tinyContext } from '../support/method-context.ts';
import { runGraph } from '../support/run-graph.ts';
import { tripletsByHand } from '../support/triplets.ts';

type Changes = Partial<Omit<MethodContext, 'options'>> & { options?: object };

const genus = { name: 'genus', names: ['a', 'b'], ofClass: [0, 0, 1] };
const attributes = {
  names: ['1', '2', '3'],
  ofClass: [
    [true, true, false],
    [true, false, false],
    [false, false, true],
  ],
};

const contextOf = ({ options, ...changes }: Changes = {}): MethodContext<TripletOptions> =>
  tinyContext(triplet, options, { imagesOfClass: [5, 5, 5], ...changes });

describe('stages', () => {
  const names = (changes: Changes) =>
    trainedAmong(triplet.stages(contextOf(changes))).map(({ name }) => name);

  test('the head, the whole network on the softmax, then both losses', () => {
    expect(names({})).toEqual(['head', 'softmax', 'all']);
    expect(names({ pretrained: false })).toEqual(['softmax', 'all']);
    expect(names({ options: { warmup: 0 } })).toEqual(['head', 'all']);
  });

  test('the epochs of fine-tuning are shared, and the rate grows once', () => {
    for (const [warmup, epochs, grows] of [
      [0, 12, 1],
      [2, 10, 0],
      [20, 1, 0],
    ]) {
      const { settings } = trainedAmong(triplet.stages(contextOf({ options: { warmup } }))).at(-1)!;
      expect(settings.epochs).toBe(epochs);
      expect(settings.schedule.warmup).toBe(grows);
    }
    const softmax = trainedAmong(triplet.stages(contextOf({ options: { warmup: 2 } })))[1];
    expect(softmax.settings).toMatchObject({
      epochs: 2,
      schedule: { kind: 'constant', warmup: 1 },
    });
  });

  test('batches hold pairs of up to sixteen classes, more images of fewer, and siblings with a tree', () => {
    const settings = (changes: Changes) =>
      trainedAmong(triplet.stages(contextOf(changes))).at(-1)!.settings;
    const shapes = [3, 8, 9, 10, 15, 16, 50].map((classes) => {
      const { batch, sampler } = settings({ classes });
      return [classes, batch, sampler];
    });
    expect(shapes).toEqual([
      [3, 12, { kind: 'balanced', samples: 4 }],
      [8, 32, { kind: 'balanced', samples: 4 }],
      [9, 24, { kind: 'balanced', samples: 3 }],
      [10, 30, { kind: 'balanced', samples: 3 }],
      [15, 28, { kind: 'balanced', samples: 2 }],
      [16, 32, { kind: 'balanced', samples: 2 }],
      [50, 32, { kind: 'balanced', samples: 2 }],
    ]);
    expect(settings({ hierarchy: [genus] }).sampler).toMatchObject({ siblings: 2 });
    const off = settings({ hierarchy: [genus], options: { hierarchy: 'off' } });
    expect(off.sampler).not.toHaveProperty('siblings');
  });

  test('frozen stages of the backbone stay frozen', () => {
    const { trains } = trainedAmong(
      triplet.stages(contextOf({ network: { ...publishedNetwork, freeze: 1 } })),
    )[2];
    expect(trains('backbone.conv1.weight')).toBe(false);
    expect(trains('head.weight')).toBe(true);
  });
});

type Reported = 'loss' | 'softmax' | 'triplet' | 'active';

/** Loss and metrics of the last stage on six random images, and the features that it saw. */
async function lossOf(changes: Changes) {
  const context = contextOf(changes);
  const stage = trainedAmong(triplet.stages(context)).at(-1)!;
  const parameters = new Parameters();
  const shape = [6, 32, 32, 3];
  const { loss, metrics } = stage.loss(parameters.root(), stageBatch(stage, shape));
  const image = imageInput(6, 32);
  const { embedding } = triplet.recogniser(context, parameters.root(), image);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 1);
  const r = randomStream(3, 'images');
  const bytes = Uint8Array.from({ length: 6 * 32 * 32 * 3 }, () => r.integer(256));
  const labels = [0, 0, 1, 1, 2, 2];
  const feeds = {
    input: hostTensor('uint8', shape, bytes),
    ...targetsOf(labels),
  };
  const constants = (path: string) => store.get(path);
  const found = await runGraph({ loss, ...metrics }, feeds, { constants });
  const seen = await runGraph({ embedding }, { image: feeds.input }, { constants });
  const width = seen.embedding.length / 6;
  const features = labels.map((_, i) => seen.embedding.slice(i * width, (i + 1) * width));
  return { ...(found as Record<Reported, number[]>), features, labels };
}

describe('the joint loss', () => {
  const byHand = (found: { features: number[][]; labels: number[] }, more: object = {}) =>
    tripletsByHand({
      features: found.features,
      labels: found.labels,
      levels: [],
      margins: [0.5],
      ...more,
    });

  test('is E_s + (1 - w) / w E_t, on features of unit length', async () => {
    const found = await lossOf({ options: { weight: 0.6 } });
    for (const row of found.features) {
      expect(row.reduce((total, v) => total + v * v, 0)).toBeCloseTo(1, 5);
    }
    const expected = byHand(found);
    expect(expected.loss).toBeGreaterThan(0);
    expect(found.triplet).toBeAllClose([expected.loss], { rtol: 1e-4 });
    expect(found.active).toBeAllClose([expected.active]);
    expect(found.loss).toBeAllClose([found.softmax[0] + (0.4 / 0.6) * found.triplet[0]]);
  });

  test('with a hierarchy, attributes and a class of one image', async () => {
    const found = await lossOf({ hierarchy: [genus], attributes, imagesOfClass: [5, 1, 5] });
    const more = {
      levels: [genus.ofClass],
      margins: [0.6, 0.1],
      attributes: attributes.ofClass,
      pairs: [true, false, true],
    };
    const expected = byHand(found, more);
    expect(expected.loss).toBeGreaterThan(0);
    // the mean of the chain's two hinges
    expect(found.triplet).toBeAllClose([expected.loss / 2], { rtol: 1e-4 });
    const off = await lossOf({
      hierarchy: [genus],
      attributes,
      options: { hierarchy: 'off', attributes: 'off' },
    });
    expect(off.triplet).toBeAllClose([byHand(off).loss], { rtol: 1e-4 });
  });

  test('with two levels the classes keep the margin, and a fifth of it is between levels', async () => {
    const order = { name: 'order', names: ['x'], ofClass: [0, 0, 0] };
    const found = await lossOf({ hierarchy: [order, genus] });
    const levels = [genus.ofClass, order.ofClass];
    const expected = byHand(found, { levels, margins: [0.7, 0.2, 0.1] });
    expect(found.triplet).toBeAllClose([expected.loss / 3], { rtol: 1e-4 });
  });

  test('margins may be given', async () => {
    const options = { margins: [0.7, 0.1] };
    const found = await lossOf({ hierarchy: [genus], options });
    const expected = byHand(found, { levels: [genus.ofClass], margins: [0.7, 0.1] });
    expect(found.triplet).toBeAllClose([expected.loss / 2], { rtol: 1e-4 });
  });
});

describe('checks before images are read', () => {
  function check(changes: Changes, wished: Partial<StageSettings> = {}, until = 'all') {
    const context = contextOf(changes);
    const stages = trainedAmong(triplet.stages(context));
    const settings = new Map(
      stages
        .slice(0, stages.findIndex(({ name }) => name === until) + 1)
        .map((stage) => [stage.name, stage.settings]),
    );
    const joint = settings.get('all');
    if (joint) settings.set('all', stageSettings('all', joint, wished as never));
    const dataset = { name: 'birds', classes: ['owl', 'wren', 'tit'] } as unknown as Dataset;
    return triplet.check!({ context, dataset, settings });
  }

  test('what is fine passes without a word', () => {
    expect(check({})).toEqual([]);
    expect(check({ hierarchy: [genus], options: { hierarchy: 'on' } })).toEqual([]);
    expect(check({ attributes, options: { attributes: 'on', margins: [0.3] } })).toEqual([]);
  });

  const cases: [string, Changes, Partial<StageSettings>, RegExp][] = [
    ['a hierarchy', { options: { hierarchy: 'on' } }, {}, /^options\.hierarchy: .* flat labels\./],
    ['attributes', { options: { attributes: 'on' } }, {}, /^options\.attributes: .*, got none\./],
    [
      'margins without levels',
      { options: { margins: [2, 1] } },
      {},
      /expected 1 number: .*\[2, 1\]/,
    ],
    [
      'margins that grow',
      { hierarchy: [genus], options: { margins: [0.1, 0.2] } },
      {},
      /^options\.margins: expected 2 falling numbers: for the classes and 1 levels/,
    ],
    [
      'one class with two images',
      { imagesOfClass: [4, 1, 1] },
      {},
      /two or more classes .*got 1\./,
    ],
    ['shuffled batches', {}, { sampler: { kind: 'shuffled' } }, /sampler\.kind: .*'shuffled'/],
    [
      'one class a pass',
      {},
      { batch: 8, accumulate: 2 },
      /^stages\.all\.batch: expected at least 16/,
    ],
  ];
  test.each(cases)('%s', (_, changes, wished, message) => {
    expect(() => check(changes, wished)).toThrow(message);
  });

  test('a class with one image is named', () => {
    expect(check({ imagesOfClass: [4, 1, 4] })).toEqual([
      "triplet: with one training image a class can only be a negative: 'wren'",
    ]);
    expect(check({ imagesOfClass: [4, 1, 4] }, {}, 'head')).toEqual([]);
  });
});
