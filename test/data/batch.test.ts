import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BatchItem, type BatchView, loadBatch, planEpoch } from '../../src/data/batch.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { preprocessImage } from '../../src/data/image/preprocess.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';

test('an epoch visits every example once', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.integer({ min: 1, max: 40 }), fc.nat(), (count, size, seed) => {
      const batches = planEpoch(count, size, seed, 0);
      expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...Array(count).keys()]);
      expect(batches.slice(0, -1).every((batch) => batch.length === size)).toBe(true);
      const full = planEpoch(count, size, seed, 0, { dropLast: true });
      expect(full).toEqual(batches.filter((batch) => batch.length === size));
    }),
  );
});

test('epochs and seeds differ, calls do not', () => {
  expect(planEpoch(50, 8, 1, 2)).toEqual(planEpoch(50, 8, 1, 2));
  expect(planEpoch(50, 8, 1, 2)).not.toEqual(planEpoch(50, 8, 1, 3));
  expect(planEpoch(50, 8, 1, 2)).not.toEqual(planEpoch(50, 8, 2, 2));
  expect(planEpoch(5, 2, 1, 0, { shuffle: false })).toEqual([[0, 1], [2, 3], [4]]);
});

async function item(index = 4): Promise<BatchItem> {
  const root = await temporaryFolder({ 'a.png': await encodePng(noiseImage(60, 40)) });
  return { index, id: 'a.png', path: join(root, 'a.png') };
}

test('evaluation is preprocessing', async () => {
  const view: BatchView = { kind: 'evaluate', geometry: { size: 16, mode: 'centre-crop' } };
  const one = await item();
  const within = [10, 10, 20, 20] as const;
  const items = [one, { ...one, index: 7, within }];
  const batch = await loadBatch({ items, view, seed: 1, epoch: 0 });
  expect(batch.indices).toEqual([4, 7]);
  const image = noiseImage(60, 40);
  const expected = [undefined, within].map(
    (box) => preprocessImage(image, view.geometry, box).data,
  );
  expect(Buffer.compare(batch.images, Buffer.concat(expected))).toBe(0);
  expect(batch.plans[1]).toMatchObject({ width: 60, height: 40, flip: false });
});

test('augmentation is keyed by seed, epoch, example and draw', async () => {
  const one = await item();
  const view: BatchView = { kind: 'augment', size: 16, options: {} };
  const load = async (more: object, draw?: number) =>
    (await loadBatch({ items: [{ ...one, draw }], view, seed: 1, epoch: 0, ...more })).plans[0];
  expect(await load({})).toEqual(await load({}));
  for (const other of [await load({ seed: 2 }), await load({ epoch: 1 }), await load({}, 1)]) {
    expect(other).not.toEqual(await load({}));
  }
});
