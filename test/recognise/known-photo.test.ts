// What looks alike in a training photograph: where cells lie, which places count, and what is drawn.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawImage } from '../../src/core/raw-image.ts';
import { float32 } from '../../src/core/tensor.ts';
import { plainImage } from '../../src/data/image/draw.ts';
import { alikeRows } from '../../src/recognise/alike-picture.ts';
import { explainPhoto } from '../../src/recognise/explain.ts';
import { explainVersus } from '../../src/recognise/explain-versus.ts';
import {
  cellBox,
  comparesPlaces,
  type Explained,
  knownPhoto,
} from '../../src/recognise/known-photo.ts';
import { loadRecogniser, lookHere } from '../../src/recognise/load-recogniser.ts';
import { type Prediction, Recogniser } from '../../src/recognise/recogniser.ts';
import { openNearest } from '../../src/train/nearest-photos.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const BLUE = [86, 180, 233].join();
let run: string;
let photo: string;
let recogniser: Recogniser;
let find: (
  prediction: Prediction,
  name: string,
) => ReturnType<Awaited<ReturnType<typeof openNearest>>>;

beforeAll(async () => {
  run = join(world.folder, 'run');
  await trainHere(world.data, run, { method: 'bilinear', epochs: 2 });
  recogniser = await loadRecogniser(run, { threads: 1, contrast: true });
  const [line] = (await readFile(join(world.data, 'images.txt'), 'utf8')).split('\n');
  photo = join(world.data, 'images', line.split(' ')[1]);
  const nearest = await openNearest(run, recogniser);
  find = ({ embedding }, name) => nearest(photo, embedding, name);
});
afterAll(() => recogniser.close());

describe('a cell', () => {
  // centres at 6, 14, 22, ... of 32 pixels, which are 64 of the photograph from (10, 20) on
  const grid = [
    { origin: 6, stride: 8 },
    { origin: 6, stride: 8 },
  ] as const;
  const view = { size: 32, crop: [10, 20, 64, 64], image: { width: 200, height: 100 } } as const;

  test('lies around its centre', () => {
    expect(cellBox(grid, [1, 2], view)).toEqual([10 + 2 * 18, 20 + 2 * 10, 16, 16]);
  });

  test('ends with the view and with the photograph', () => {
    expect(cellBox([{ origin: 2, stride: 8 }, grid[1]], [0, 0], view)).toEqual([14, 20, 16, 12]);
    expect(cellBox([{ origin: 8, stride: 8 }, grid[1]], [3, 0], view)).toEqual([14, 76, 16, 8]);
    const small = { ...view, image: { width: 20, height: 100 } };
    expect(cellBox(grid, [0, 0], small)).toEqual([14, 24, 6, 16]);
  });
});

test('the model says where the cells of its descriptors are', async () => {
  const { manifest, geometry } = recogniser;
  const { evidence } = await recogniser.predict(photo);
  const [, , h, w] = evidence.descriptors!.shape;
  const { size } = geometry;
  expect(comparesPlaces(recogniser)).toBe(true);
  // 3 x 3 kernels of strides 1 and 2 with a pixel of padding: each first cell is over the first pixel
  expect(manifest.descriptorGrid).toEqual([
    { origin: 0.5, stride: size / h },
    { origin: 0.5, stride: size / w },
  ]);
});

describe('pairs', () => {
  /** An explanation of its own making: two descriptors, and the heat of each half of the view. */
  async function pairsUnder(heat: [number, number], side: 1 | -1) {
    const found = (await find(await recogniser.predict(photo), recogniser.manifest.classes[1]))!;
    const { descriptors } = (await recogniser.predict(found.path)).evidence;
    const [, channels, h, w] = descriptors!.shape;
    const prediction = await recogniser.predict(photo);
    const evidence = {
      ...prediction.evidence,
      crop: [0, 0, 48, 48] as const,
      // the same in all places: only the heat tells them apart
      descriptors: float32([1, channels, h, w], new Float32Array(channels * h * w).fill(1)),
      mapSize: { h: 1, w: 2 },
      heat: Float32Array.from(heat),
    };
    const explained: Explained = {
      image: { width: 48, height: 48 },
      prediction: { ...prediction, evidence },
      side,
    };
    return (await knownPhoto(recogniser, explained, found)).pairs!;
  }

  test('start from places that spoke for the class alone', async () => {
    const left = await pairsUnder([2, -1], 1);
    const right = await pairsUnder([2, -1], -1);
    expect(left.length).toBeGreaterThan(0);
    expect(right.length).toBeGreaterThan(0);
    for (const { query } of left) expect(query[0] + query[2] / 2).toBeLessThan(24);
    for (const { query } of right) expect(query[0] + query[2] / 2).toBeGreaterThanOrEqual(24);
  });

  test('are none where nothing did', async () => {
    expect(await pairsUnder([-1, -1], 1)).toEqual([]);
  });
});

describe('the picture', () => {
  test('shows the nearest photograph of the answer, its pairs within both', async () => {
    const plain = await explainPhoto(recogniser, photo);
    const { picture, nearest, prediction } = await explainPhoto(recogniser, photo, {
      nearest: find,
    });
    expect(plain.nearest).toBeUndefined();
    expect(picture.width).toBe(plain.picture.width);
    expect(picture.height).toBeGreaterThan(plain.picture.height + 100);
    expect(nearest!.path).toContain(prediction.answers[0].name.replaceAll(' ', '_'));
    const pairs = nearest!.pairs!;
    expect(pairs.length).toBeGreaterThan(1);
    expect(pairs.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1);
    for (const [i, { query, example, share }] of pairs.entries()) {
      expect(share).toBeLessThanOrEqual(pairs[i - 1]?.share ?? 1);
      for (const [x, y, width, height] of [query, example]) {
        expect(Math.min(x, y, width - 0.1, height - 0.1)).toBeGreaterThanOrEqual(0);
        expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(48);
      }
    }
    expect(count(picture, BLUE)).toBeGreaterThan(100);
    expect(count(plain.picture, BLUE)).toBe(0);
  });

  test('against a rival has a row for each', async () => {
    const { answers } = await recogniser.predict(photo);
    const rival = answers[1].name;
    const { nearest, picture } = await explainVersus(recogniser, photo, { rival, nearest: find });
    const without = await explainVersus(recogniser, photo, { rival });
    expect([nearest.answer, nearest.rival].map((one) => Array.isArray(one?.pairs))).toEqual([
      true,
      true,
    ]);
    expect(picture.height).toBeGreaterThan(without.picture.height + 200);
  });

  test('of a model from before that is drawn without', async () => {
    const { descriptorGrid, ...manifest } = recogniser.manifest;
    const old = new Recogniser(manifest, recogniser.session, { look: lookHere(manifest) });
    const { picture, nearest } = await explainPhoto(old, photo, { nearest: find });
    expect(nearest).toBeUndefined();
    const plain = await explainPhoto(recogniser, photo);
    expect(Buffer.compare(picture.data, plain.picture.data)).toBe(0);
  });

  test.each([
    [600, 400],
    [300, 500],
    [40, 4000],
    [4000, 40],
  ])('has rows within its width for a photograph of %d x %d', async (width, height) => {
    const image = plainImage(width, height, [90, 90, 90]);
    const box = [0, 0, width / 2, height / 2] as const;
    const pairs = [{ query: box, example: box, share: 0.1 }];
    for (const other of [image, plainImage(50, 60, [9, 9, 9])]) {
      const known = { path: 'a.jpg', image: other, similarity: 0.5, pairs };
      const rows = await alikeRows({ image, className: 'a', known }, { width: 1176, gap: 12 });
      for (const row of rows) expect(row.width).toBeLessThanOrEqual(1176);
    }
  });
});

function count({ data }: RawImage, colour: string): number {
  let found = 0;
  for (let p = 0; p < data.length; p += 3) if (data.subarray(p, p + 3).join() === colour) found++;
  return found;
}
