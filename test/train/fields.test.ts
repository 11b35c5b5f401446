// Annotations reach the loss: a method of the test's own learns boxes, parts, masks and weights, and a
// sampler of its own plans its batches.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Example } from '../../src/core/example.ts';
import { boxField, type Field, maskField, partsField } from '../../src/core/fields.ts';
import { float32 } from '../../src/core/tensor.ts';
import { openDataset } from '../../src/data/datasets/table.ts';
import { networkSettings } from '../../src/methods/settings.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { type BatchPlan, featureBatches, imageBatches } from '../../src/train/batches.ts';
import { tinyWorld } from '../support/tiny-run.ts';

const world = tinyWorld();
const SIZE = 32;
const config = { size: SIZE, within: 'image', workers: 0, seed: 4 } as const;
/** The whole image, always mirrored. */
const augment = { scale: [1, 1], ratio: [1, 1], flip: 1, jitter: 0, hue: 0, erase: 0 } as const;
const settings = { ...networkSettings(false), batch: 4, epochs: 1, augment };

async function batchOf(fields: readonly Field[], changes: Partial<BatchPlan> = {}) {
  const dataset = await openDataset(world.data);
  const parts = { names: dataset.partNames!, swaps: dataset.partSwaps! };
  const space = { classes: dataset.classes.length, size: SIZE, parts };
  const source = imageBatches({
    ...{ examples: dataset.examples, settings, config, fields, space },
    ...changes,
  });
  const batch = await source.load(0, 0);
  await source.close();
  return { batch, dataset, space };
}

test('boxes, parts and masks come with the images, seen as these are', async () => {
  const { batch, dataset, space } = await batchOf([boxField, partsField, maskField]);
  const names = Object.keys(batch.fields).filter((name) => name.startsWith('field:'));
  expect(names).toEqual(['field:box', 'field:parts', 'field:mask']);
  const box = batch.fields['field:box'];
  const mask = batch.fields['field:mask'].data as Float32Array;
  expect(box.shape).toEqual([4, 5]);
  expect(batch.fields['field:parts'].shape).toEqual([4, space.parts.names.length, 3]);
  for (let i = 0; i < 4; i++) {
    const [left, top, width, height, there] = box.data.slice(5 * i, 5 * i + 5) as Float32Array;
    expect(there).toBe(1);
    // the object's mask lies in its box, and its mass in the middle of it
    const inside = (x: number, y: number) =>
      x >= left - 0.1 && x <= left + width + 0.1 && y >= top - 0.1 && y <= top + height + 0.1;
    let [all, within] = [0, 0];
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const share = mask[(i * SIZE + y) * SIZE + x];
        all += share;
        if (inside((x + 0.5) / SIZE, (y + 0.5) / SIZE)) within += share;
      }
    }
    expect(all).toBeGreaterThan(10);
    expect(within / all).toBeGreaterThan(0.95);
  }
  expect(dataset.examples[0].maskPath).toBeDefined();
});

test('weights of examples are those of the loss, mixed fields are blended', async () => {
  const dataset = await openDataset(world.data);
  const examples = dataset.examples.map((one, i): Example => ({ ...one, weight: i % 2 }));
  const { batch } = await batchOf([maskField], {
    examples,
    settings: { ...settings, mixup: 0.4 },
  });
  const weights = Array.from(batch.fields.weights.data as Float32Array);
  expect(new Set(weights)).toEqual(new Set([0, 1]));
  const mask = batch.fields['field:mask'].data as Float32Array;
  const share = Number(batch.fields.share.data[0]);
  const near = (v: number) => [0, share, 1 - share, 1].some((w) => Math.abs(v - w) < 0.02);
  expect(mask.filter(near).length / mask.length).toBeGreaterThan(0.8);
});

test('a stage asks for its fields by name, and for no others', () => {
  const space = { classes: 2, size: SIZE };
  const stage = { name: 'mine', source: 'images', fields: [boxField], settings } as const;
  const batch = stageBatch(stage, [4, SIZE, SIZE, 3], { space });
  expect(batch.field(boxField).shape).toEqual([4, 5]);
  expect(() => batch.field(maskField)).toThrow(
    /^stage 'mine': expected one of its fields \(box\), got 'mask'/,
  );
});

describe('samplers of a method', () => {
  test('plan rows of features, with fields that need no view', async () => {
    const last = {
      kind: 'last',
      about: 'the last image alone',
      options: z.strictObject({ kind: z.literal('last') }),
      unit: () => 1,
      batchSize: () => 2,
      plan: () => [[{ index: 2, draw: 0 }]],
    };
    const order: Field = {
      name: 'order',
      shape: () => [1],
      needs: [],
      viewless: true,
      numbers: ({ id }) => [Number(id)],
    };
    const examples = [0, 1, 2].map((i): Example => {
      return { id: String(i), path: join('x', String(i)), label: i, split: 'train' };
    });
    const table = { shape: [1], rows: examples.map((_, i) => Float32Array.of(10 * i)) };
    const source = featureBatches(table, {
      ...{ examples, settings, config, sampler: last, fields: [order] },
      space: { classes: 3, size: SIZE },
    });
    const { input, fields } = await source.load(0, 0);
    expect(input).toEqual(float32([2, 1], [20, 0]));
    expect(fields['field:order']).toEqual(float32([2, 1], [2, 0]));
    expect(Array.from(fields.weights.data as Float32Array)).toEqual([1, 0]);
  });
});
