// Every sampler of the table: full batches, the same number in each epoch, a function of seed and epoch
// alone. What is particular to one stands below.

import { describe, expect, test } from 'vitest';
import type { Population, Sampler, SamplerOptions } from '../../../src/core/sampler.ts';
import { classBalanced } from '../../../src/data/samplers/class-balanced.ts';
import { findSampler, samplers } from '../../../src/data/samplers/table.ts';

/** Class c has 4, 8, 16 and 32 images. */
const labels = [4, 8, 16, 32].flatMap((count, label) => new Array<number>(count).fill(label));
const population: Population = { labels };
const BATCH = 8;

const optionsOf = ({ kind, options }: Sampler) => options.parse({ kind }) as SamplerOptions;

function plan(sampler: Sampler, epoch: number, changes: object = {}, lastShort = false) {
  const options = { ...optionsOf(sampler), ...changes };
  return sampler.plan(options, population, { batch: BATCH, seed: 3, epoch, lastShort });
}

test.each(samplers)('$kind: full batches of images that there are', (sampler) => {
  for (const epoch of [0, 1, 7]) {
    const batches = plan(sampler, epoch);
    expect(batches).toHaveLength(Math.floor(labels.length / BATCH));
    for (const batch of batches) {
      expect(batch).toHaveLength(BATCH);
      for (const { index, draw } of batch) {
        expect(labels[index]).toBeDefined();
        expect(draw).toBeGreaterThanOrEqual(0);
      }
      const views = batch.map(({ index, draw }) => `${index} ${draw}`);
      expect(new Set(views).size, 'no view twice in a batch').toBe(BATCH);
    }
  }
});

test.each(samplers)('$kind: the same epoch is planned alike, another one otherwise', (sampler) => {
  expect(plan(sampler, 2)).toEqual(plan(sampler, 2));
  expect(plan(sampler, 3)).not.toEqual(plan(sampler, 2));
});

test.each(samplers)('$kind: its batches have whole units and whole passes', (sampler) => {
  const options = optionsOf(sampler);
  const shape = { batch: 24, accumulate: 2 };
  const size = sampler.batchSize(options, shape, labels.length);
  expect(size % shape.accumulate).toBe(0);
  expect((size / shape.accumulate) % sampler.unit(options)).toBe(0);
});

test('an unknown sampler lists those there are, a method may bring its own', () => {
  expect(() => findSampler({ kind: 'uneven' })).toThrow(
    /^sampler\.kind: expected one of shuffled, balanced, class-balanced, got 'uneven'\. /,
  );
  const own = { ...classBalanced, kind: 'uneven' };
  expect(findSampler({ kind: 'uneven' }, [own])).toBe(own);
});

describe('class-balanced', () => {
  const shares = (power: number, lastShort = false) => {
    const counts = [0, 0, 0, 0];
    for (const { index } of plan(classBalanced, 1, { power }, lastShort).flat()) {
      counts[labels[index]]++;
    }
    return counts;
  };

  // 56 images: n^p / sum of n^p
  test('power 1 is as the images are, 0 all classes alike, 0.5 in between', () => {
    expect(shares(1)).toEqual([4, 7, 15, 30]);
    expect(shares(0)).toEqual([14, 14, 14, 14]);
    const root = [2, Math.sqrt(8), 4, Math.sqrt(32)];
    const total = root.reduce((a, b) => a + b);
    shares(0.5).forEach((count, label) => {
      expect(Math.abs(count - (56 * root[label]) / total)).toBeLessThan(1);
    });
    expect(shares(1, true)).toEqual([4, 8, 16, 32]);
  });

  test('every image of a common class has its turn over the epochs', () => {
    const seen = new Set<number>();
    for (let epoch = 0; epoch < 4; epoch++) {
      for (const { index } of plan(classBalanced, epoch, { power: 0 }).flat()) seen.add(index);
    }
    expect(seen.size).toBe(labels.length);
  });
});
