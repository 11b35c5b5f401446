// Whole runs on a network from an ONNX file: our own export gives what the network itself gives,
// and the model that comes out is one file that needs nothing else.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { readOnnx } from '../../src/graph/onnx/reader.ts';
import { explainPhoto } from '../../src/recognise/explain.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { goldenImage } from '../../src/recognise/manifest.ts';
import { readManifest } from '../../src/recognise/open-model.ts';
import { parseConfig, type RunConfigInput } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { readRunConfig } from '../../src/train/run-folder.ts';
import { TrainingStopped } from '../../src/train/train.ts';
import { node, tinyModel, valueInfo, whole } from '../support/onnx-models.ts';
import { resultOf, saveBackbone, tinyWorld, trainHere, trainTiny } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const trunk = () => join(place('net'), 'model/model.onnx');

/** Settings of a run on a trunk. */
function settings(file: string, changes: Partial<RunConfigInput> = {}): Partial<RunConfigInput> {
  return { backbone: `onnx:${file}`, epochs: 12, stage: { head: { batch: 16 } }, ...changes };
}

beforeAll(async () => {
  await trainHere(world.data, place('net'), { epochs: 3 });
  await saveBackbone(place('net'), place('net.safetensors'));
});

/** Logits, embedding and maps of the test pattern. */
async function answer(run: string) {
  const recogniser = await loadRecogniser(run);
  const size = recogniser.manifest.input.size;
  const view = { width: size, height: size, data: goldenImage(size) };
  const { logits, embedding, evidence } = await recogniser.predictView(view, [0, 0, size, size]);
  await recogniser.close();
  return { logits, embedding, heat: evidence.heat, activation: evidence.activation };
}

test('our own export as a trunk is the network itself', async () => {
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  await trainHere(world.data, place('head'), {
    weights: place('net.safetensors'),
    norms: 'frozen',
    stages: 'head',
    epochs: 12,
    stage: { head: { batch: 16 } },
  });
  const summary = await trainHere(world.data, place('trunk'), settings(trunk()), { onEvent });
  expect(summary.stages).toMatchObject([{ stage: 'head' }]);
  const [ours, theirs] = [await answer(place('trunk')), await answer(place('head'))];
  // not the evidence: where a foreign network's cells lie and how they are pooled is its own secret
  for (const name of ['embedding', 'logits'] as const) {
    const scale = Math.max(...theirs[name].map(Math.abs));
    expect(ours[name], name).toBeAllClose(theirs[name], { rtol: 0, atol: 1e-5 * scale });
  }
  expect(notes).toContain("model.onnx: features are 'embedding' [1, 128]");
});

test('the model is one file without a batch, and its manifest says where it came from', async () => {
  const manifest = await readManifest(join(place('trunk'), 'model'));
  const own = await readManifest(join(place('net'), 'model'));
  expect(manifest).toMatchObject({ backbone: 'onnx:model.onnx', weights: { sha256: own.sha256 } });
  const { inputs, outputs } = readOnnx(await readFile(join(place('trunk'), 'model/model.onnx')));
  expect(inputs).toEqual([{ name: 'image', dtype: 'uint8', shape: ['batch', 32, 32, 3] }]);
  expect(outputs.map(({ name, shape }) => [name, shape[0]])).toContainEqual(['heat', 'batch']);
});

test('it is evaluated, predicts and explains', async () => {
  const recogniser = await loadRecogniser(place('trunk'));
  const { evaluation } = await evaluateModel(recogniser, { data: world.data, split: 'test' });
  expect(evaluation.n).toBe(12);
  const list = await readFile(join(world.data, 'images.txt'), 'utf8');
  const photo = join(world.data, 'images', list.split('\n')[0].split(' ')[1]);
  const { prediction, picture } = await explainPhoto(recogniser, photo);
  await recogniser.close();
  expect(prediction.evidence.mapSize).toEqual({ h: 8, w: 8 });
  expect(picture.width).toBeGreaterThan(400);
});

test('a relative path, the size of the file; stopped and resumed, the same bytes', async () => {
  const config = settings(relative(process.cwd(), trunk()), { size: undefined, refit: true });
  const whole = await trainTiny(world.data, place('whole'), config);
  expect(whole.stages).toHaveLength(1);
  const stop = new AbortController();
  const halt = (event: TrainEvent) =>
    void (event.kind === 'epoch' && event.epoch === 5 && stop.abort());
  const stopped = trainTiny(world.data, place('stopped'), config, {
    onEvent: halt,
    signal: stop.signal,
  });
  await expect(stopped).rejects.toBeInstanceOf(TrainingStopped);
  await trainTiny(world.data, place('stopped'), config, { mode: 'resume' });
  expect(await resultOf(place('stopped'))).toEqual(await resultOf(place('whole')));
  const stored = await readRunConfig(place('stopped'));
  expect(stored).toMatchObject({ backbone: `onnx:${trunk()}`, size: 32 });
});

test('another file under the same name is not resumed', async () => {
  const path = place('moving.onnx');
  const own = await readFile(trunk());
  await writeFile(path, own);
  await trainHere(world.data, place('moving'), settings(path));
  await writeFile(path, tinyModel());
  const resumed = trainHere(world.data, place('moving'), settings(path), { mode: 'resume' });
  await expect(resumed).rejects.toMatchObject({ code: 'FM_CONFIG' }); // its size already
  await writeFile(path, tinyModel({ input: valueInfo('pixels', ['N', 3, 32, 32]) }));
  const again = trainHere(world.data, place('moving'), settings(path), { mode: 'resume' });
  await expect(again).rejects.toMatchObject({
    code: 'FM_RUN',
    message: expect.stringContaining('the images, labels and weights'),
  });
});

test('a graph for one image at a time gives a model for one image at a time', async () => {
  const path = place('single.onnx');
  const bytes = tinyModel({
    opset: 21,
    input: valueInfo('pixels', [1, 3, 32, 32]),
    tail: [node('Reshape', ['flat', 'one'], ['row'])],
    tailWeights: [whole('one', [1, 6])],
  });
  await writeFile(path, bytes);
  await trainHere(world.data, place('single'), settings(path));
  const { inputs } = readOnnx(await readFile(join(place('single'), 'model/model.onnx')));
  expect(inputs[0].shape).toEqual([1, 32, 32, 3]);
  expect((await answer(place('single'))).heat).toHaveLength(64);
});

test.each([
  { method: 'bilinear', options: { finish: 'svm' } },
  { method: 'scda', options: {} },
  { method: 'ra-cnn', options: { attention: 'scda' } },
] as const)('$method on its map', async ({ method, options }) => {
  await trainHere(world.data, place(method), settings(trunk(), { method, options }));
  const { heat, logits } = await answer(place(method));
  expect([...heat, ...logits].every(Number.isFinite)).toBe(true);
  expect(heat.some((v) => v !== 0)).toBe(true);
});

describe('what does not go together', () => {
  const failure = async (changes: Partial<RunConfigInput>, message: RegExp) => {
    const run = trainHere(world.data, place('wrong'), settings(trunk(), changes));
    await expect(run).rejects.toMatchObject({
      code: 'FM_CONFIG',
      message: expect.stringMatching(message),
    });
  };

  test('weights, a stage that trains the network, options of a trunk without one', async () => {
    await failure({ weights: place('net.safetensors') }, /^weights: expected none beside/);
    await failure({ stage: { all: { epochs: 2 } } }, /^stages\.all: .* the head alone does/);
    await failure({ options: { head: 'fresh' } }, /^options\.head: expected 'trained'/);
    await failure(
      { backbone: 'resnet_tiny', trunk: { token: 'mean' } },
      /^trunk: expected options/,
    );
    const wrong = settings(trunk(), { trunk: { tokens: 'mean' } as never });
    expect(() => parseConfig({ data: 'x', ...wrong })).toThrow(/trunk: .*tokens/);
  });

  test('a method that would have to train the network', async () => {
    await failure({ method: 'triplet' }, /^method 'triplet': expected a network that trains/);
    await failure({ method: 'ra-cnn' }, /^options\.attention: expected 'scda' or 'centre'/);
    const options = { attention: 'scda', zoomSize: 64 };
    await failure({ method: 'ra-cnn', options }, /^options\.zoomSize: expected 'size'/);
  });

  test('a trunk that is not there is told before a process is started', async () => {
    await mkdir(place('empty'), { recursive: true });
    const run = trainTiny(
      world.data,
      place('wrong'),
      settings(place('no.onnx'), { size: undefined }),
    );
    await expect(run).rejects.toMatchObject({ code: 'FM_FORMAT' });
  });
});
