// What steps are fed: sizes of batches, and mixed images, rows and targets.

import { describe, expect, test } from 'vitest';
import type { Example } from '../../src/core/example.ts';
import { randomStream } from '../../src/core/random.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { mixImages, mixRows } from '../../src/data/mix.ts';
import { drawMix } from '../../src/data/mix-draws.ts';
import { headSettings, networkSettings } from '../../src/methods/settings.ts';
import type { StageSettings } from '../../src/methods/stage-settings.ts';
import { type BatchSource, featureBatches, imageBatches } from '../../src/train/batches.ts';
import { parseConfig } from '../../src/train/config.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';

const CLASSES = 3;
const SIZE = 32;
const config = parseConfig({ data: 'd', size: SIZE, seed: 4, workers: 0 });

function exampleOf(i: number, path = ''): Example {
  return { id: `${i}`, path, label: i % CLASSES, split: 'train' };
}

/** Eight numbers for each of ten images. */
const table = {
  shape: [8],
  rows: Array.from({ length: 10 }, (_, i) => Float32Array.from({ length: 8 }, (_, k) => i + k / 8)),
};
const examples = table.rows.map((_, i) => exampleOf(i));

function rowBatches(changes: Partial<StageSettings>): BatchSource {
  const settings = { ...headSettings(), batch: 4, ...changes };
  return featureBatches(table, { examples, settings, config });
}

const dataOf = async (source: BatchSource, epoch: number, step: number) => {
  const { input, fields } = await source.load(epoch, step);
  const { labels, weights, others, share } = fields;
  const numbers = ({ data }: HostTensor) => Array.from(data as ArrayLike<number>, Number);
  return {
    input: input.data as Float32Array,
    labels: numbers(labels),
    weights: numbers(weights),
    others: numbers(others),
    share: Number(share.data[0]),
  };
};

describe('rows of features', () => {
  test.each([
    [4, 1, 4, 3],
    [6, 3, 6, 2],
    [32, 1, 10, 1],
    [32, 4, 8, 2], // ten images, but as many in each of four passes
    [32, 8, 8, 2],
  ])('a batch of %i in %i passes has %i rows, %i an epoch', (batch, accumulate, rows, steps) => {
    const source = rowBatches({ batch, accumulate });
    expect([source.batch, source.stepsPerEpoch]).toEqual([rows, steps]);
    expect(source.shape).toEqual([rows, 8]);
  });

  test('mixup blends rows and says with whom, and not those that fill the batch up', async () => {
    const [plain, mixed] = [rowBatches({}), rowBatches({ mixup: 0.4 })];
    for (const [epoch, step, count] of [
      [0, 0, 4],
      [3, 1, 4],
      [1, 2, 2], // the last batch: two rows and two that only fill it up
    ]) {
      const expected = await dataOf(plain, epoch, step);
      const stream = randomStream(config.seed, 'mix', epoch, step);
      const { share } = drawMix({ mixup: 0.4, cutmix: 0 }, 0, stream)!;
      mixRows(expected.input, count, 8, share);
      const got = await dataOf(mixed, epoch, step);
      expect(got).toEqual({ ...expected, share });
      const { labels, others, weights } = got;
      const whole = labels.slice(0, count);
      expect(others.slice(0, count)).toEqual([whole.at(-1), ...whole.slice(0, -1)]);
      expect(weights).toEqual([1, 1, ...(count === 4 ? [1, 1] : [0, 0])]);
    }
  });
});

describe('images', () => {
  async function imagesOf(changes: Partial<StageSettings>) {
    const files = Array.from({ length: 6 }, async (_, i) => [
      `${i}.png`,
      await encodePng(noiseImage(40, 36, i)),
    ]);
    const folder = await temporaryFolder(Object.fromEntries(await Promise.all(files)));
    const settings = { ...networkSettings(false), batch: 5, smoothing: 0.1, ...changes };
    const all = Array.from({ length: 6 }, (_, i) => exampleOf(i, `${folder}/${i}.png`));
    return imageBatches({ examples: all, settings, config });
  }

  test.each([
    ['mixup', { mixup: 0.4, cutmix: 0 }],
    ['CutMix', { mixup: 0, cutmix: 1 }],
    ['either', { mixup: 0.4, cutmix: 1 }],
  ])('%s: the augmented images, mixed as seed, epoch and step say', async (_, alphas) => {
    const [plain, mixed] = [await imagesOf({}), await imagesOf(alphas)];
    for (const epoch of [0, 1, 2]) {
      const images = await plain.load(epoch, 0);
      const plan = drawMix(alphas, SIZE, randomStream(config.seed, 'mix', epoch, 0))!;
      mixImages(images.input.data as Uint8Array, 5, SIZE, plan);
      const got = await mixed.load(epoch, 0);
      const fields = { ...images.fields, share: float32([], [plan.share]) };
      expect(got).toEqual({ input: images.input, fields });
    }
    await plain.close();
    await mixed.close();
  });

  test('a batch that no number of whole passes fills is made smaller', async () => {
    const source = await imagesOf({ batch: 8, accumulate: 4 });
    expect(source.shape).toEqual([4, SIZE, SIZE, 3]);
    await source.close();
  });
});
