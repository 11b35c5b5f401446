// Bilinear CNNs: what is cached, what trains, what the evidence adds up to, and whole small runs.

import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { float32, type HostTensor, hostTensor, zeros } from '../../src/core/tensor.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { bilinear, compactBilinear } from '../../src/methods/bilinear/bilinear.ts';
import type { MethodContext } from '../../src/methods/method.ts';
import { type FeatureStage, type TrainedStage, trainedAmong } from '../../src/methods/stage.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { recogniserGraph } from '../../src/recognise/recogniser-graph.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { uniformTensor } from '../support/golden.ts';
import { tinyContext } from '../support/method-context.ts';
import { runGraph } from '../support/run-graph.ts';
import {
  metricsOf,
  resultOf,
  saveBackbone,
  stopHere,
  tinySettings,
  tinyWorld,
  trainHere,
} from '../support/tiny-run.ts';

const methods = { bilinear, 'compact-bilinear': compactBilinear } as const;

function contextOf(
  method: keyof typeof methods,
  backbone: string,
  changes: Partial<MethodContext> = {},
  options: object = {},
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own options
): MethodContext<any> {
  const all = { backbone: findBackbone(backbone), ...changes };
  return tinyContext<unknown>(methods[method], options, all);
}

type Asked = [keyof typeof methods, string, Partial<MethodContext>?];

function stageOf(name: string, ...asked: Asked): TrainedStage {
  const steps = methods[asked[0]].stages(contextOf(...asked));
  return trainedAmong(steps).find((stage) => stage.name === name)!;
}

const rowOf = (stage: TrainedStage, size = 64) =>
  (stage as FeatureStage).features(new Parameters().root(), imageInput(1, size)).shape.slice(1);

test('descriptors are cached; where they are large, the maps in their place', () => {
  // the narrow map of MobileNetV2 has 320 channels
  expect(rowOf(stageOf('head', 'bilinear', 'mobilenet_v2'))).toEqual([(320 * 321) / 2]);
  expect(rowOf(stageOf('head', 'bilinear', 'resnet50'))).toEqual([2048, 2, 2]);
  expect(rowOf(stageOf('head', 'compact-bilinear', 'resnet50'))).toEqual([8192]);
});

const second = (name: string) => ({
  second: {
    backbone: findBackbone(name),
    pixels: { mean: [0, 0, 0], std: [1, 1, 1] },
    padding: 'same',
  } as const,
});

test('two networks: both maps are cached, and both networks train', () => {
  const stage = stageOf('head', 'bilinear', 'resnet50', second('resnet18'));
  expect(rowOf(stage)).toEqual([2048 + 512, 2, 2]);
  const unit = stage.classify!(new Parameters().root(), constant(zeros([2, 2560, 2, 2])));
  expect(unit.shape).toEqual([2, 3]);
  const paths = trained('bilinear', 'resnet_tiny', second('resnet_tiny'));
  for (const root of ['backbone', 'backbone2']) {
    expect(paths.some((path) => path.startsWith(`${root}.`))).toBe(true);
  }
});

test('maps of two networks that differ by a row are cut, others are refused', () => {
  // 54 and 55 pixels make maps of 2 and 3 rows under these two strides
  const rows = (name: string, size: number) =>
    rowOf(stageOf('head', 'bilinear', 'resnet50', second(name)), size);
  expect(rows('googlenet', 63)).toEqual([2048 + 1024, 2, 2]);
  expect(() => rows('vgg11', 64)).toThrowError(
    /^options\.second: expected a network whose map differs.*got maps \[2, 2\] and \[4, 4\]/,
  );
});

test('of random features no classifier is trained first', () => {
  const stages = trainedAmong(
    bilinear.stages(contextOf('bilinear', 'resnet_tiny', { pretrained: false })),
  );
  expect(stages.map(({ name }) => name)).toEqual(['all', 'classifier']);
});

test.each([
  ['softmax', ['head', 'all', 'classifier']],
  ['svm', ['head', 'all', 'svm']],
  ['none', ['head', 'all']],
] as const)('finish %s ends with %j', (finish, names) => {
  const stages = trainedAmong(
    bilinear.stages(contextOf('bilinear', 'resnet_tiny', {}, { finish })),
  );
  expect(stages.map(({ name }) => name)).toEqual(names);
});

test('the classifier is held back before the network trains, and free once it has', () => {
  const [head, , last] = trainedAmong(bilinear.stages(contextOf('bilinear', 'resnet_tiny')));
  expect(head.settings.decay).toBe(1e-3);
  expect(last.settings.decay).toBeLessThan(1e-6);
  expect([head, last].map(({ source, trains }) => [source, trains('head.weight')])).toEqual([
    ['features', true],
    ['features', true],
  ]);
  expect(last.trains('backbone.conv1.weight')).toBe(false);
});

/** Paths that train in the stage `all`. */
function trained(...asked: Asked): string[] {
  const stage = stageOf('all', ...asked);
  const parameters = new Parameters(stage.trains);
  stage.loss(parameters.root(), stageBatch(stage, [2, 64, 64, 3]));
  return parameters.trainable().map(({ spec }) => spec.path);
}

test('layers behind the pooled map do not train, nor do frozen stages and hash tables', () => {
  const paths = trained('compact-bilinear', 'mobilenet_v2', {
    network: { ...publishedNetwork, freeze: 1 },
  });
  expect(paths).toContain('backbone.features.17.conv.2.weight');
  expect(paths.filter((path) => /features\.(0|18)\./.test(path))).toEqual([]);
  expect(paths.filter((path) => path.startsWith('sketch.'))).toEqual([]);
  expect(trained('bilinear', 'vgg11').filter((path) => path.includes('classifier'))).toEqual([]);
});

describe.each([
  ['bilinear', {}],
  ['compact-bilinear', { dimension: 512 }],
  ['bilinear', { finish: 'svm' }],
  ['bilinear', { second: 'resnet_tiny' }],
  ['bilinear', { second: 'resnet_tiny', crop: 'object' }],
  ['compact-bilinear', { dimension: 512, crop: 'object', finish: 'svm' }],
] as const)('the evidence of %s with %j', (name, options) => {
  test('adds up to the logit less its bias, and contrasts to the difference of two', async () => {
    const context = contextOf(
      name,
      'resnet_tiny',
      'second' in options ? second(options.second) : {},
      options,
    );
    const parameters = new Parameters();
    const image = imageInput(2, 64);
    const found = methods[name].recogniser(context, parameters.root(), image);
    const store: ParameterStore = new Map();
    initialise(parameters, store, 3);
    const bias = [0.3, -0.2, 0.1];
    store.set('head.bias', float32([3], bias));
    const pick = (weights: number[]) => float32([2, 3], [...weights, ...weights]);
    const heatOf = async (weights: number[]) => {
      const { logits } = found;
      const score = sum(mul(logits, constant(pick(weights))));
      const heat = (found.heat ?? found.closer![0].heat)(score);
      const pixels = uniformTensor('pixels', [2, 64, 64, 3], { low: 0, high: 255 });
      const feeds = { image: hostTensor('uint8', [2, 64, 64, 3], Uint8Array.from(pixels)) };
      const run = await runGraph({ heat, logits }, feeds, { constants: (path) => store.get(path) });
      const places = run.heat.length / 2;
      const means = [0, 1].map(
        (n) =>
          run.heat.slice(n * places, (n + 1) * places).reduce((total, v) => total + v) / places,
      );
      const scores = [0, 1].map((n) =>
        weights.reduce((total, w, k) => total + w * (run.logits[n * 3 + k] - bias[k]), 0),
      );
      return { means, scores };
    };
    for (const weights of [
      [1, 0, 0],
      [0, 1, -1],
    ]) {
      const { means, scores } = await heatOf(weights);
      // roots have the degree 1 in the map but for their epsilon
      expect(means).toBeAllClose(scores, { rtol: 0.02, atol: 1e-4 });
    }
  });
});

describe('cut to the object', () => {
  test('trains what trains without the cut: what finds the object counts as given', () => {
    const paths = (crop: 'none' | 'object') => {
      const [, stage] = trainedAmong(
        bilinear.stages(contextOf('bilinear', 'mobilenet_v2', {}, { crop })),
      );
      const all = new Parameters(stage.trains);
      stage.loss(all.root(), stageBatch(stage, [1, 64, 64, 3]));
      return all
        .trainable()
        .map(({ spec }) => spec.path)
        .sort();
    };
    expect(paths('object')).toEqual(paths('none'));
  });

  test('the model draws heat in the square only', async () => {
    const context = contextOf('bilinear', 'resnet_tiny', {}, { crop: 'object' });
    const parameters = new Parameters();
    const { heat, boxes } = recogniserGraph(bilinear, context, parameters, 64);
    const store: ParameterStore = new Map();
    initialise(parameters, store, 3);
    // stripes in a corner, which a network of random numbers sees as well
    const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => {
      const [row, column] = [Math.floor(at / 192), Math.floor((at % 192) / 3)];
      return row < 30 && column < 30 ? 255 * (column % 2) : 127;
    });
    const feeds = { image: hostTensor('uint8', [1, 64, 64, 3], pixels) };
    const run = await runGraph({ heat, boxes }, feeds, { constants: (path) => store.get(path) });
    const [x, y, width] = run.boxes;
    expect(width).toBeLessThan(0.95);
    const cells = heat.shape[2];
    const [left, top, side] = [x, y, width].map((share) => share * cells);
    const outside = (at: number) => {
      const [row, column] = [Math.floor(at / cells) + 0.5, (at % cells) + 0.5];
      // a triangle reaches a cell beyond
      return [row - top, column - left].some((d) => d < -1 || d > side + 1);
    };
    expect(run.heat.some((v, at) => !outside(at) && v !== 0)).toBe(true);
    expect(run.heat.filter((v, at) => outside(at) && v !== 0)).toEqual([]);
  });
});

describe('small runs', () => {
  const world = tinyWorld();
  const place = (name: string) => join(world.folder, name);

  beforeAll(async () => {
    await trainHere(world.data, place('before'), { epochs: 2 });
    await saveBackbone(place('before'), place('tiny.safetensors'));
  });

  test.each([
    ['bilinear', {}],
    ['compact-bilinear', { dimension: 1024, finish: 'svm', crop: 'object' }],
  ] as const)('%s learns in each of its steps, and its model answers', async (method, options) => {
    const weights = place('tiny.safetensors');
    const run = place(method);
    // of so high a rate the classifier takes less than its usual multiple
    const all = { ...tinySettings.stage.all, headFactor: 10 };
    const stage = { ...tinySettings.stage, all };
    await trainHere(world.data, run, { method, options, weights, epochs: 2, stage });
    const lines = await metricsOf(run);
    const losses = (stage: string) =>
      lines.flatMap((line) => ('epoch' in line && line.stage === stage ? [Number(line.loss)] : []));
    const stages = ['head', 'all', 'finish' in options ? 'svm' : 'classifier'];
    for (const stage of stages) {
      expect(losses(stage).at(-1), stage).toBeLessThan(losses(stage)[0]);
    }
    const recogniser = await loadRecogniser(run, { threads: 1 });
    const view = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(90) };
    const { logits, evidence } = await recogniser.predictView(view, [0, 0, 32, 32]);
    await recogniser.close();
    expect([...logits, ...evidence.heat].every(Number.isFinite)).toBe(true);
    expect(evidence.activation.every((v) => v >= 0)).toBe(true);
  });

  test('stopped in its third step, and refitted, it ends with the same bytes', async () => {
    const settings = {
      method: 'bilinear',
      weights: place('tiny.safetensors'),
      epochs: 2,
      refit: true,
      stage: { ...tinySettings.stage, classifier: { epochs: 6 } },
    };
    await trainHere(world.data, place('refitted'), settings);
    const folder = place('stopped');
    const inThird = (event: TrainEvent) => event.kind === 'epoch' && event.stage === 'classifier';
    await stopHere(world.data, folder, settings, inThird);
    await trainHere(world.data, folder, settings, { mode: 'resume' });
    expect(await resultOf(folder)).toEqual(await resultOf(place('refitted')));
    const refits = (await metricsOf(folder)).filter(({ refit, epoch }) => refit && epoch);
    expect(new Set(refits.map(({ stage }) => stage))).toEqual(
      new Set(['head', 'all', 'classifier']),
    );
  });

  test('two networks start from their own weights', async () => {
    await trainHere(world.data, place('other'), { epochs: 1, seed: 9 });
    await saveBackbone(place('other'), place('other.safetensors'));
    const weights = place('tiny.safetensors');
    const options = { second: 'resnet_tiny', secondWeights: place('other.safetensors') };
    const stage = { head: { epochs: 5 }, all: { batch: 8, rate: 1e-9 } };
    const settings = { method: 'bilinear', options, weights, epochs: 1, stage };
    await trainHere(world.data, place('two'), settings);
    const { parameters } = (await loadCheckpoint(runPaths(place('two')).checkpoint))!;
    for (const [root, file] of [
      ['backbone', weights],
      ['backbone2', options.secondWeights],
    ]) {
      const { tensors } = await readSafetensors(file);
      const got = parameters.get(`${root}.layer1.0.conv1.weight`)!.data as Float32Array;
      const start = tensors.get('layer1.0.conv1.weight')!.data as Float32Array;
      expect([...got], root).toBeAllClose([...start], { atol: 1e-6 });
    }
    // there are none by default of a network whose weights nobody publishes
    for (const missing of [{ ...options, secondWeights: 'none' }, { second: 'resnet_tiny' }]) {
      await expect(
        trainHere(world.data, place('one'), { method: 'bilinear', options: missing, weights }),
      ).rejects.toThrowError(/^options\.secondWeights: expected weights of resnet_tiny, as the/);
    }
  });

  test('hash tables are part of the checkpoint', async () => {
    const { parameters } = (await loadCheckpoint(runPaths(place('compact-bilinear')).checkpoint))!;
    const buckets = parameters.get('sketch.first.buckets') as HostTensor<'float32'>;
    expect(new Set(buckets.data).size).toBeGreaterThan(8);
  });
});
