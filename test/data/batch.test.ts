import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BatchItem, type BatchView, loadBatch, planEpoch } from '../../src/data/batch.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { preprocessImage } from '../../src/data/image/preprocess.ts';
import { planBalancedEpoch } from '../../src/data/samplers/balanced.ts';
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

describe('balanced batches', () => {
  const labels = [...Array(12).fill(0), ...Array(4).fill(1), ...Array(7).fill(2), 3];
  const plan = (epoch: number) => planBalancedEpoch(labels, { batch: 6, samples: 3 }, 5, epoch);

  test('hold as many images of as many classes as they should, and no view twice', () => {
    for (const epoch of [0, 1, 2]) {
      const batches = plan(epoch);
      expect(batches).toHaveLength(4);
      for (const batch of batches) {
        const counts = new Map<number, number>();
        for (const { index } of batch) {
          counts.set(labels[index], (counts.get(labels[index]) ?? 0) + 1);
        }
        expect([...counts.values()]).toEqual([3, 3]);
      }
      const views = batches.flat().map(({ index, draw }) => `${index} ${draw}`);
      expect(new Set(views).size).toBe(views.length);
    }
  });

  test('are a function of seed and epoch, and differ between epochs', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    expect(planBalancedEpoch(labels, { batch: 6, samples: 3 }, 6, 1)).not.toEqual(plan(1));
  });

  test('show images again in another view only where their class has too few', () => {
    for (const { index, draw } of plan(0).flat()) {
      if (labels[index] === 0) expect(draw).toBe(0);
      if (labels[index] === 3) expect(draw).toBeLessThan(6);
    }
    const seen = new Set(plan(0).flatMap((batch) => batch.map(({ index }) => labels[index])));
    expect([...seen].sort()).toEqual([0, 1, 2, 3]);
  });

  test('hold classes of one parent side by side, and all classes come up', () => {
    const many = Array.from({ length: 90 }, (_, i) => i % 9);
    const parents = [0, 1, 0, 1, 0, 1, 0, 1, 2]; // the last class has no sibling
    for (const epoch of [0, 1, 2]) {
      const options = { batch: 12, samples: 2, parents, siblings: 2 };
      const batches = planBalancedEpoch(many, options, 3, epoch);
      expect(batches).toHaveLength(7);
      for (const batch of batches) {
        const classes = batch.map(({ index }) => many[index]).filter((_, i) => i % 2 === 0);
        expect(new Set(classes).size).toBe(6);
        const alone = classes.indexOf(8);
        // one class without a sibling is cut off at the end where the odd one is among them
        const pairs = alone < 0 ? classes : classes.filter((_, i) => i !== alone).slice(0, 4);
        for (let i = 0; i < pairs.length; i += 2) {
          expect(parents[pairs[i]], `${classes}`).toBe(parents[pairs[i + 1]]);
        }
      }
      expect(new Set(batches.flat().map(({ index }) => many[index])).size).toBe(9);
    }
  });
});
