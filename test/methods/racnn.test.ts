// RA-CNN: its stages, what trains in which, what reaches what, and what its reviews decide.

import { describe, expect, test } from 'vitest';
import { float32, hostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import type { RacnnContext, RacnnOptions } from '../../src/methods/ra-cnn/looks.ts';
import { racnn } from '../../src/methods/ra-cnn/ra-cnn.ts';
import { reviewAccuracy, reviewAttention, reviewBoxes } from '../../src/methods/ra-cnn/reviews.ts';
import {
  type ReviewedStage,
  type ScaleResult,
  type TrainedStage,
  trainedAmong,
} from '../../src/methods/stage.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { goldenImage } from '../../src/recognise/manifest.ts';
import { tinyContext } from '../support/method-context.ts';
import { runGraph } from '../support/run-graph.ts';

const SIZE = 48;

const contextOf = (
  options: Partial<RacnnOptions> = {},
  decisions?: Record<string, string>,
): RacnnContext => tinyContext(racnn, options, { decisions });

const namesOf = (options: Partial<RacnnOptions>) =>
  trainedAmong(racnn.stages(contextOf(options))).map(({ name }) => name);
const stageOf = (context: RacnnContext, name: string): TrainedStage =>
  trainedAmong(racnn.stages(context)).find((stage) => stage.name === name)!;

/** The loss of a stage on photographs, and its parameters. */
function lossOf(stage: TrainedStage) {
  const parameters = new Parameters(stage.trains);
  const batch = stageBatch(stage, [2, SIZE, SIZE, 3]);
  return { ...stage.loss(parameters.root(), batch), parameters };
}

describe('stages', () => {
  test('classifiers and attention take turns', () => {
    expect(namesOf({})).toEqual(['head', 'all', 'attend', 'fuse']);
    expect(namesOf({ anchor: false, rounds: 2, fusion: 'average' })).toEqual([
      'head',
      'attention',
      'all',
      'attend',
      'all2',
      'attend2',
    ]);
  });

  test('what looks at a given place has no attention to train', () => {
    expect(namesOf({ attention: 'centre' })).toEqual(['head', 'all', 'fuse']);
    expect(namesOf({ attention: 'scda', rounds: 2 })).toEqual(['head', 'all', 'all2', 'fuse']);
  });

  test('after a fall back the attention is passed over', () => {
    const fallen = contextOf({ rounds: 2, anchor: false }, { attention: 'scda' });
    const needed = trainedAmong(racnn.stages(fallen));
    expect(needed.map(({ name }) => name)).toEqual(['head', 'all', 'all2', 'fuse']);
    const { parameters } = lossOf(stageOf(fallen, 'all'));
    expect([...parameters.specs.keys()].filter((path) => /^attention/.test(path))).toEqual([]);
  });
});

describe('what trains', () => {
  const topsOf = (parameters: Parameters) =>
    new Set(parameters.trainable().map(({ spec }) => spec.path.split('.')[0]));

  test('in turn the network and the attention, each with the other one fixed', () => {
    const context = contextOf({ scales: 3, anchor: false });
    const tops = (name: string) => topsOf(lossOf(stageOf(context, name)).parameters);
    expect(tops('attention')).toEqual(new Set(['attention']));
    expect(tops('all')).toEqual(new Set(['backbone', 'head', 'head2', 'head3']));
    expect(tops('attend')).toEqual(new Set(['attention']));
  });

  test.each([
    ['attention', false],
    ['attend', false],
    ['attend', true],
  ])('%s, anchored %s: every parameter of the attention is reached', (name, anchor) => {
    const stage = stageOf(contextOf({ scales: 3, anchor }), name);
    const { loss, parameters } = lossOf(stage);
    const trained = parameters.trainable();
    expect(trained.map(({ spec }) => spec.path)).toContain('attention.2.square.weight');
    const slopes = gradients(
      loss,
      trained.map(({ value }) => value),
    );
    // a value that the loss does not depend on gets a constant
    expect(slopes.filter(({ node }) => node.op.name === 'constant')).toEqual([]);
  });

  test('classification does not reach the attention, nor through it the network', () => {
    const { loss, parameters } = lossOf({ ...stageOf(contextOf(), 'all'), trains: () => true });
    const attention = parameters
      .trainable()
      .filter(({ spec }) => spec.path.startsWith('attention.'));
    expect(attention.length).toBeGreaterThan(0);
    const slopes = gradients(
      loss,
      attention.map(({ value }) => value),
    );
    expect(slopes.every(({ node }) => node.op.name === 'constant')).toBe(true);
  });
});

describe('recogniser', () => {
  test.each([2, 3] as const)(
    '%d scales: logits of each, boxes within one another',
    async (scales) => {
      const context = contextOf({ scales, zoomSize: 40 });
      const parameters = new Parameters();
      const found = racnn.recogniser(context, parameters.root(), imageInput(1, SIZE));
      const store: ParameterStore = new Map();
      initialise(parameters, store, 3);
      const pixels = hostTensor('uint8', [1, SIZE, SIZE, 3], goldenImage(SIZE));
      const outputs = { logits: found.logits, boxes: found.boxes!, embedding: found.embedding };
      const results = await runGraph(
        { ...outputs, ...found.scales },
        { image: pixels },
        { constants: (path) => store.get(path) },
      );
      const names = ['scale1', 'scale2', 'scale3'].slice(0, scales);
      expect(Object.keys(found.scales!)).toEqual(names);
      for (const name of ['logits', ...names]) expect(results[name].length).toBe(3);
      expect(found.boxes!.shape).toEqual([1, scales - 1, 4]);
      let [left, top, size] = [0, 0, 1];
      for (let i = 0; i < results.boxes.length; i += 4) {
        const [x, y, w, h] = results.boxes.slice(i, i + 4);
        expect(w).toBeCloseTo(h, 6);
        expect(w).toBeLessThanOrEqual(size);
        expect(Math.min(x - left, y - top)).toBeGreaterThanOrEqual(-1e-6);
        expect(Math.max(x + w - left, y + h - top)).toBeLessThanOrEqual(size + 1e-6);
        [left, top, size] = [x, y, w];
      }
      const squares = results.embedding.reduce((total, v) => total + v * v, 0);
      expect([squares]).toBeAllClose([scales], { rtol: 1e-5 }); // a unit vector for each scale
    },
  );

  test('the answer can be explained on the map of the whole image', () => {
    const found = racnn.recogniser(contextOf(), new Parameters().root(), imageInput(1, SIZE));
    const [slope] = gradients(sum(found.logits), [found.map]);
    expect(slope.node.op.name).not.toBe('constant');
  });

  test('with average fusion nothing more than the scales own is asked for', () => {
    const parameters = new Parameters();
    racnn.recogniser(contextOf({ fusion: 'average' }), parameters.root(), imageInput(1, SIZE));
    expect([...parameters.specs.keys()].filter((path) => /^fusion/.test(path))).toEqual([]);
  });
});

describe('reviews', () => {
  const scale = (index: number, top1: number, truth: number): ScaleResult => {
    return { name: `scale${index}`, top1, truth };
  };
  const box = (x: number) => Float32Array.from([x, 0.1, 0.6, 0.6]);
  const seen = (scales: ScaleResult[], boxes = [box(0), box(0.2), box(0.4)]): ReviewedStage => {
    return { images: 30, scales, boxes };
  };
  const good = seen([scale(1, 0.8, 0.6), scale(2, 0.9, 0.7)]);
  const context = contextOf();

  test('where looking closer helps, nothing is found', () => {
    expect(reviewAttention(context)?.(good)).toBeUndefined();
    expect(reviewBoxes(context)?.(good)).toBeUndefined();
    expect(reviewAccuracy(good)).toBeUndefined();
  });

  test('half a point of accuracy may be lost, more falls back', () => {
    const within = seen([scale(1, 0.8, 0.6), scale(2, 0.796, 0.7)]);
    expect(reviewAttention(context)?.(within)).toBeUndefined();
    const beyond = seen([scale(1, 0.8, 0.6), scale(2, 0.794, 0.7)]);
    const finding = reviewAttention(context)?.(beyond);
    expect(finding?.decisions).toEqual({ attention: 'scda' });
    expect(finding?.text).toMatch(/scale2 is right for 79.4 % of the 30 .* whole image for 80.0 %/);
    expect(reviewAccuracy(beyond)?.decisions).toBeUndefined();
  });

  test('less sure of the truth than the look before falls back, at any scale', () => {
    const third = seen([scale(1, 0.8, 0.6), scale(2, 0.9, 0.7), scale(3, 0.9, 0.69)]);
    const finding = reviewAttention(context)?.(third);
    expect(finding?.decisions).toEqual({ attention: 'scda' });
    expect(finding?.text).toMatch(/scale3 gives the truth 69.0 % on average, scale2 70.0 %/);
  });

  test('the same box for all images has collapsed', () => {
    const boxes = [box(0.2), box(0.203), box(0.2)];
    const finding = reviewBoxes(context)?.(seen([...good.scales], boxes));
    expect(finding?.decisions).toEqual({ attention: 'scda' });
    expect(finding?.text).toMatch(/collapsed/);
  });

  test('of three looks one suffices', () => {
    const boxes = [0.2, 0.4, 0.3].map((x) => Float32Array.of(...box(0.2), ...box(x)));
    const finding = reviewBoxes(context)?.(seen([...good.scales], boxes));
    expect(finding?.text).toMatch(/collapsed/);
    const moving = [0.2, 0.4, 0.3].map((x) => Float32Array.of(...box(x), ...box(1 - x)));
    expect(reviewBoxes(context)?.(seen([...good.scales], moving))).toBeUndefined();
  });

  test('what cannot fall back says so', () => {
    const scda = contextOf({ attention: 'scda' });
    const finding = reviewBoxes(scda)?.(seen([...good.scales], [box(0.2), box(0.2)]));
    expect(finding?.text).toMatch(/collapsed/);
    expect(finding?.decisions).toBeUndefined();
  });
});

test('what all looks add to a logit is the logit less its bias', async () => {
  const context = { ...contextOf({ scales: 3 }), backbone: findBackbone('resnet18') };
  const parameters = new Parameters();
  const found = racnn.recogniser(context, parameters.root(), imageInput(1, 64));
  expect(found.closer).toHaveLength(2);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 5);
  const bias = float32([3], [0.4, -0.1, 0.2]);
  store.set('fusion.bias', bias);
  const score = sum(mul(found.logits, constant(float32([1, 3], [1, 0, -1]))));
  const [first, second, third] = [found, ...found.closer!].map(({ heat }) => heat!(score));
  const feeds = { image: hostTensor('uint8', [1, 64, 64, 3], goldenImage(64)) };
  const outputs = { first, second, third, score };
  const run = await runGraph(outputs, feeds, { constants: (path) => store.get(path) });
  const mean = (cells: ArrayLike<number>) =>
    Array.from(cells).reduce((total, v) => total + v, 0) / cells.length;
  const looks = [run.first, run.second, run.third].map(mean);
  for (const part of looks) expect(Math.abs(part)).toBeGreaterThan(1e-4);
  const whole = looks.reduce((total, part) => total + part, 0);
  expect([whole]).toBeAllClose([run.score[0] - 0.2], { rtol: 1e-3, atol: 1e-5 });
});

test('halves of the options that are out of range are refused', () => {
  expect(racnn.options.safeParse({ halfSide: 0.2 }).success).toBe(false);
  expect(racnn.options.safeParse({ scales: 4 }).success).toBe(false);
  expect(racnn.options.safeParse({ zoomSize: 16 }).success).toBe(false);
});
