// A trained model in use: one answer for a path, bytes and pixels; nothing tampered is loaded.

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, encodePng } from '../../src/data/image/decode.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import type { Recogniser } from '../../src/recognise/recogniser.ts';
import { temporaryFolder } from '../support/files.ts';
import { gradientImage, noiseImage } from '../support/images.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
let run: string;
let recogniser: Recogniser;
let photos: string[];

beforeAll(async () => {
  run = join(world.folder, 'run');
  await trainHere(world.data, run, { epochs: 2 });
  recogniser = await loadRecogniser(run, { threads: 1 });
  const list = await readFile(join(world.data, 'images.txt'), 'utf8');
  const names = list
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1]);
  photos = names.map((name) => join(world.data, 'images', name));
});
afterAll(() => recogniser.close());

test('a path, its bytes and its pixels get the same answer', async () => {
  const fromPath = await recogniser.predict(photos[0]);
  expect(await recogniser.predict(await readFile(photos[0]))).toEqual(fromPath);
  expect(await recogniser.predict(await decodeImage(photos[0]))).toEqual(fromPath);
  const { width, height, data } = await decodeImage(photos[0]);
  expect(await recogniser.predict({ width, height, data })).toEqual(fromPath);
  expect(await recogniser.predict(photos[1])).not.toEqual(fromPath);
});

test('answers are ranked probabilities of all classes, cut to top-k', async () => {
  const { answers, logits } = await recogniser.predict(photos[0], { topK: 100 });
  expect(answers.map(({ label }) => label).sort()).toEqual([0, 1, 2, 3]);
  for (const { label, name } of answers) expect(name).toBe(recogniser.manifest.classes[label]);
  const confidences = answers.map(({ confidence }) => confidence);
  expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));
  // softmax(logits / temperature)
  const { temperature } = recogniser.manifest;
  const powers = Array.from(logits, (v) => Math.exp(v / temperature));
  const total = powers.reduce((a, b) => a + b);
  expect(confidences).toBeAllClose(
    answers.map(({ label }) => powers[label] / total),
    { rtol: 1e-4 },
  );
  const { answers: two } = await recogniser.predict(photos[0], { topK: 2 });
  expect(two).toEqual(answers.slice(0, 2));
});

test("a level's confidence is the sum over its classes", async () => {
  const { hierarchy, classes } = recogniser.manifest;
  const [genus] = hierarchy!;
  expect(genus).toMatchObject({ name: 'genus', ofClass: [0, 0, 1, 1] });
  expect(classes).toHaveLength(4);
  for (const photo of photos.slice(0, 8)) {
    const { answers, levels } = await recogniser.predict(photo);
    const mass = [0, 0];
    for (const { label, confidence } of answers) mass[genus.ofClass[label]] += confidence;
    const best = mass[0] >= mass[1] ? 0 : 1;
    expect(levels).toHaveLength(1);
    expect(levels[0]).toMatchObject({ level: 'genus', name: genus.names[best] });
    expect(levels[0].confidence).toBeCloseTo(mass[best], 6);
  }
});

test('evidence has one cell for four pixels and the crop that was seen', async () => {
  const { evidence, embedding } = await recogniser.predict(noiseImage(60, 40));
  const { h, w } = evidence.mapSize;
  expect([h, w]).toEqual([8, 8]);
  expect(evidence.activation).toHaveLength(h * w);
  expect(evidence.heat).toHaveLength(h * w);
  expect(embedding.length).toBeGreaterThan(4);
  const [x, y, width, height] = evidence.crop;
  expect(width).toBeCloseTo(height, 0);
  expect(Math.abs(x + width / 2 - 30)).toBeLessThan(1); // cells of the resized image
  expect(Math.abs(y + height / 2 - 20)).toBeLessThan(1);
});

test('a large photograph is decoded smaller, and its crop is told in its own pixels', async () => {
  const large = gradientImage(640, 480);
  const exact = await recogniser.predict(large);
  const shrunk = await recogniser.predict(await encodePng(large));
  expect(shrunk.evidence.crop).toBeAllClose(exact.evidence.crop, { atol: 1 });
  const worst = Math.max(...shrunk.logits.map((v, i) => Math.abs(v - exact.logits[i])));
  const scale = Math.max(...exact.logits.map(Math.abs));
  expect(worst / scale).toBeLessThan(0.05);
});

test('what is no photograph is FM_IMAGE, by name', async () => {
  const folder = await temporaryFolder({ 'note.jpg': 'hello' });
  await expect(recogniser.predict(join(folder, 'note.jpg'))).rejects.toMatchObject({
    code: 'FM_IMAGE',
    message: expect.stringContaining('note.jpg'),
  });
  await expect(recogniser.predict(join(folder, 'none.jpg'))).rejects.toMatchObject({
    code: 'FM_IMAGE',
  });
  await expect(recogniser.predict(new Uint8Array(0))).rejects.toMatchObject({ code: 'FM_IMAGE' });
});

describe('loading', () => {
  /** A copy of the model's folder. */
  async function copy(): Promise<string> {
    const folder = await temporaryFolder();
    await cp(join(run, 'model'), folder, { recursive: true });
    return folder;
  }

  test('a run folder, its model folder, and a copy of it answer alike', async () => {
    const expected = await recogniser.predict(photos[2]);
    for (const place of [join(run, 'model'), await copy()]) {
      const other = await loadRecogniser(place, { threads: 1 });
      expect(await other.predict(photos[2])).toEqual(expected);
      await other.close();
    }
  });

  test('a model with one byte changed', async () => {
    const folder = await copy();
    const path = join(folder, 'model.onnx');
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] ^= 1;
    await writeFile(path, bytes);
    await expect(loadRecogniser(folder)).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining('the model that its manifest describes'),
    });
  });

  test('no model, no manifest, an empty folder, no folder', async () => {
    const headless = await copy();
    await rm(join(headless, 'model.onnx'));
    await expect(loadRecogniser(headless)).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('model.onnx: expected the model'),
    });
    const bare = await copy();
    await rm(join(bare, 'fieldmark.json'));
    const empty = await temporaryFolder();
    await mkdir(join(empty, 'model'));
    for (const folder of [bare, empty, '/nowhere']) {
      await expect(loadRecogniser(folder)).rejects.toMatchObject({
        code: 'FM_RUN',
        message: expect.stringContaining(`${folder}: expected a trained model`),
      });
    }
  });

  test.each([
    ['another version', { version: 2 }, /version/],
    ['an unknown key', { licence: 'MIT' }, /licence/],
    ['no classes', { classes: [] }, /classes/],
    ['a temperature of nought', { temperature: 0 }, /temperature/],
  ])('a manifest of %s', async (_what, change, message) => {
    const folder = await copy();
    const path = join(folder, 'fieldmark.json');
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...manifest, ...change }));
    await expect(loadRecogniser(folder)).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringMatching(message),
    });
  });

  test('a manifest cut short', async () => {
    const folder = await copy();
    const path = join(folder, 'fieldmark.json');
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 100));
    await expect(loadRecogniser(folder)).rejects.toMatchObject({ code: 'FM_FORMAT' });
  });
});
