// An answer against a rival: the heat is what separates the two, and its picture says so.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { float32, hostTensor } from '../../src/core/tensor.ts';
import { decodeImage } from '../../src/data/image/decode.ts';
import { constantToInput } from '../../src/graph/onnx/edit.ts';
import { readOnnx } from '../../src/graph/onnx/reader.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { gradientTimesMap } from '../../src/methods/heat.ts';
import type { Method } from '../../src/methods/method.ts';
import { findMethod } from '../../src/methods/table.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { IMAGE_INPUT, imageInput } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { labelNamed, shownName } from '../../src/recognise/class-name.ts';
import { evidenceFor, explainPhoto } from '../../src/recognise/explain.ts';
import { explainVersus } from '../../src/recognise/explain-versus.ts';
import { exportRecogniser } from '../../src/recognise/export.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { openContrast } from '../../src/recognise/open-contrast.ts';
import type { Recogniser } from '../../src/recognise/recogniser.ts';
import { recogniserGraph } from '../../src/recognise/recogniser-graph.ts';
import { createSession } from '../../src/runtime/node.ts';
import { openNearest } from '../../src/train/nearest-photos.ts';
import { temporaryFolder } from '../support/files.ts';
import { gradientImage } from '../support/images.ts';
import { runGraph } from '../support/run-graph.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const finetune = findMethod('finetune');
const tinyContext = {
  options: finetune.options.parse({}),
  backbone: findBackbone('resnet_tiny'),
  network: publishedNetwork,
  pixels: { mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
  padding: 'torch',
  norms: 'frozen',
  classes: 2,
  pretrained: true,
} as const;
let run: string;
let photo: string;
let plain: Recogniser;
let open: Recogniser;

beforeAll(async () => {
  run = join(world.folder, 'run');
  await trainHere(world.data, run, { epochs: 2 });
  plain = await loadRecogniser(run, { threads: 1 });
  open = await loadRecogniser(run, { threads: 1, contrast: true });
  const [line] = (await readFile(join(world.data, 'images.txt'), 'utf8')).split('\n');
  photo = join(world.data, 'images', line.split(' ')[1]);
});
afterAll(async () => {
  await plain.close();
  await open.close();
});

describe('the heat', () => {
  test('without a rival is that of the file', async () => {
    const [a, b] = [await plain.predict(photo), await open.predict(photo)];
    expect(b.evidence.heat).toBeAllClose(a.evidence.heat, { rtol: 1e-5, atol: 1e-6 });
    expect(b.logits).toBeAllClose(a.logits, { rtol: 1e-5, atol: 1e-6 });
  });

  test('is the difference of the two class-activation maps', async () => {
    const bytes = openContrast(await readFile(join(run, 'model', 'model.onnx')), 'model');
    const session = await createSession(bytes, { threads: 1 });
    const { size } = open.geometry;
    const image = hostTensor('uint8', [1, size, size, 3], gradientImage(size, size).data);
    const under = async (weights: number[]) => {
      const out = await session.run({ image, contrast: float32([1, 4], weights) });
      return { heat: out.heat.data as Float32Array, logits: out.logits.data as Float32Array };
    };
    const { heat: own, logits } = await under([0, 0, 0, 0]);
    const answer = logits.indexOf(Math.max(...logits));
    const rival = (answer + 1) % 4;
    // the score is z_answer + sum_k contrast_k z_k, and the map is linear in the score
    const other = await under([0, 1, 2, 3].map((k) => Number(k === rival) - Number(k === answer)));
    const both = await under([0, 1, 2, 3].map((k) => -Number(k === rival)));
    await session.close();
    expect(both.heat).toBeAllClose(
      own.map((v, i) => v - other.heat[i]),
      { rtol: 1e-4, atol: 1e-5 },
    );
  });

  test('averages to the difference of the two logits, before it is laid over the image', async () => {
    const parameters = new Parameters();
    const image = imageInput(1, 32);
    const { logits, map } = finetune.recogniser(tinyContext, parameters.root(), image);
    const score = sum(mul(logits, constant(float32([1, 2], [1, -1]))));
    const heat = gradientTimesMap(score, map);
    const store: ParameterStore = new Map();
    initialise(parameters, store, 1);
    const photograph = hostTensor('uint8', [1, 32, 32, 3], gradientImage(32, 32).data);
    const constants = (path: string) => store.get(path);
    const feeds = { [IMAGE_INPUT]: photograph };
    const numbers = await runGraph({ heat, score }, feeds, { constants });
    // pooled features and a linear classifier, whose bias starts at nought
    const mean = numbers.heat.reduce((total, v) => total + v, 0) / numbers.heat.length;
    expect(Math.abs(mean)).toBeGreaterThan(1e-4);
    expect([mean]).toBeAllClose(numbers.score, { rtol: 1e-4, atol: 1e-7 });
  });

  test('a recogniser that was not loaded for it refuses', async () => {
    await expect(plain.predict(photo, { versus: 1 })).rejects.toThrow('contrast: true');
  });
});

describe('the model', () => {
  test('keeps all but the constant, which becomes an input of its shape', async () => {
    const bytes = await readFile(join(run, 'model', 'model.onnx'));
    const [before, after] = [readOnnx(bytes), readOnnx(openContrast(bytes, 'model'))];
    expect(after.inputs).toEqual([
      ...before.inputs,
      { name: 'contrast', dtype: 'float32', shape: [1, 4] },
    ]);
    const names = [...before.constants.keys()].filter((name) => name !== 'contrast');
    expect([...after.constants.keys()]).toEqual(names);
    expect(after.operators).toEqual(before.operators);
    expect(constantToInput(bytes, 'nobody')).toBeUndefined();
  });

  test('of before there was a contrast is refused with words', async () => {
    const bytes = openContrast(await readFile(join(run, 'model', 'model.onnx')), 'model');
    expect(() => openContrast(bytes, 'old.onnx')).toThrow(
      /^old.onnx: expected a model that can set an answer against a rival .*--resume/,
    );
  });
});

describe('the picture', () => {
  test('has the nearest training photograph of each, never the photograph itself', async () => {
    const find = await openNearest(run, open);
    const { answers } = await open.predict(photo);
    const found: string[] = [];
    const { answer, rival, picture } = await explainVersus(open, photo, {
      rival: answers[3].name.toUpperCase().replaceAll(' ', '_'),
      nearest: async ({ embedding }, name) => {
        const nearest = await find(photo, embedding, name);
        found.push(nearest!.path);
        return nearest;
      },
    });
    expect([answer.label, rival.label]).toEqual([answers[0].label, answers[3].label]);
    expect(found).toHaveLength(2);
    expect(found).not.toContain(photo);
    for (const [i, { name }] of [answer, rival].entries()) {
      expect(found[i]).toContain(name.replaceAll(' ', '_'));
    }
    const without = await explainVersus(open, photo, { rival: rival.name });
    expect(without.picture.width).toBe(picture.width);
    expect(without.picture.height).toBeLessThan(picture.height);
  });

  test('the nearest is that of the largest cosine, from the cache as well', async () => {
    const { embedding } = await open.predict(photo);
    const name = open.manifest.classes[1];
    const first = await (await openNearest(run, open))(photo, embedding, name);
    const cosine = (a: Float32Array, b: Float32Array) => {
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i], 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const other = await open.predict(first!.path);
    expect([first!.similarity]).toBeAllClose([cosine(embedding, other.embedding)], { rtol: 1e-4 });
    expect(await (await openNearest(run, open))(photo, embedding, name)).toEqual(first);
  });

  test('the answer is no rival, and an unknown name is answered with near ones', async () => {
    const { answers } = await open.predict(photo);
    await expect(explainVersus(open, photo, { rival: answers[0].name })).rejects.toThrow(
      `which is the answer. The closest other class is '${answers[1].name}'.`,
    );
    const name = open.manifest.classes[2];
    expect(() => labelNamed(open.manifest.classes, `${name}s`, '--versus')).toThrow(
      `Did you mean '${name}'`,
    );
    expect(() => labelNamed(['a', 'b'], 'zebra', '--versus')).toThrow('It knows a, b.');
  });

  test('names are shown without the underscores of folders, and found by what is shown', () => {
    const names = ['001.Black_footed__Albatross', 'plain name', '_', 'Ame\u0301lie_1'];
    expect(names.map(shownName)).toEqual([
      'Black footed Albatross',
      'plain name',
      '_',
      'Am\u00e9lie 1',
    ]);
    for (const name of names.slice(0, 2)) {
      expect(labelNamed(names, shownName(name), '--versus')).toBe(names.indexOf(name));
    }
    const numbered = ['2_door_coupe', '007', '1984.5', '350.1', 'Laridae/002.Laysan', '12.Audi'];
    expect(numbered.map(shownName)).toEqual([
      ...['2 door coupe', '007', '1984.5', '350.1', 'Laridae/Laysan', '12.Audi'],
    ]);
  });

  test('a run whose data are gone says so', async () => {
    const folder = await temporaryFolder();
    const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, data: '/nowhere' }));
    await expect(openNearest(folder, open)).rejects.toMatchObject({ code: 'FM_DATASET' });
    await expect(openNearest(join(folder, 'none'), open)).rejects.toMatchObject({ code: 'FM_RUN' });
  });
});

test('boxes of a method are drawn where the photograph has them', async () => {
  const looking: Method = {
    ...finetune,
    recogniser: (context, scope, image) => ({
      ...finetune.recogniser(context, scope, image),
      boxes: constant(float32([1, 1, 4], [0.25, 0.5, 0.5, 0.25])),
    }),
  };
  const parameters = new Parameters();
  const outputs = recogniserGraph(looking, tinyContext, parameters, 32);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 1);
  const folder = await temporaryFolder();
  await exportRecogniser(folder, outputs, store, {
    classes: ['class_a', 'class_b'],
    input: { size: 32, resizeShort: 37, mode: 'squash' },
    temperature: 1,
    backbone: 'resnet_tiny',
    method: 'finetune',
    licences: [],
    weights: { source: 'none' },
    trained: { dataset: 'd', images: 0, seed: 0, validationTop1: null },
  });
  const recogniser = await loadRecogniser(folder, { threads: 1 });
  const { width, height } = await decodeImage(photo);
  const { prediction, picture } = await explainPhoto(recogniser, photo);
  const { evidence } = await evidenceFor(recogniser, photo, { truth: 'class_b' });
  await recogniser.close();
  // programs get the name as it is, people as it is read
  expect(prediction.answers[0].name).toMatch(/^class_[ab]$/);
  expect(evidence.answers[0].name).toBe(prediction.answers[0].name.replace('_', ' '));
  expect(evidence.truth).toBe('class b');
  // squashed, the network sees all of the photograph
  expect(prediction.evidence.boxes).toEqual([
    [0.25 * width, 0.5 * height, 0.5 * width, 0.25 * height],
  ]);
  const pink = [236, 64, 155].join();
  const pixels = Array.from({ length: picture.data.length / 3 }, (_, p) =>
    picture.data.subarray(3 * p, 3 * p + 3).join(),
  );
  expect(pixels.filter((pixel) => pixel === pink).length).toBeGreaterThan(100);
});
