// Learning-rate factors at their borders.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ScheduleOptions, scheduleFactor } from '../../src/nn/schedules.ts';

const STEPS = 10;
const EPOCHS = 5;
const at = (options: ScheduleOptions, step: number) => scheduleFactor(options, step, STEPS, EPOCHS);

describe('warm-up', () => {
  const options = { kind: 'constant', warmup: 2 } as const;

  test.each([
    [0, 1 / 20],
    [9, 0.5],
    [18, 19 / 20],
    [19, 1], // the last step of the warm-up
    [20, 1],
    [49, 1],
  ])('step %i has factor %d', (step, factor) => {
    expect(at(options, step)).toBeCloseTo(factor, 12);
  });

  test('none: full rate from the first step', () => {
    expect(at({ kind: 'constant', warmup: 0 }, 0)).toBe(1);
  });

  test('may be a part of an epoch', () => {
    const half = { kind: 'constant', warmup: 0.5 } as const;
    expect([0, 4, 5].map((step) => at(half, step))).toEqual([0.2, 1, 1]);
  });
});

describe('step', () => {
  const options = { kind: 'step', warmup: 1, at: [2, 4], factor: 0.1 } as const;

  test.each([
    [9, 1],
    [10, 1],
    [19, 1],
    [20, 0.1], // the first step after two epochs
    [39, 0.1],
    [40, 0.01],
    [49, 0.01],
  ])('step %i has factor %d', (step, factor) => {
    expect(at(options, step)).toBeCloseTo(factor, 12);
  });
});

describe('cosine', () => {
  const options = { kind: 'cosine', warmup: 1, floor: 0.1 } as const;

  test.each([
    [9, 1], // the last step of the warm-up
    [10, 1], // where the fall begins
    [30, 0.55], // half-way between 1 and the floor
    [50, 0.1], // the end of the stage
    [60, 0.1], // and beyond
  ])('step %i has factor %d', (step, factor) => {
    expect(at(options, step)).toBeCloseTo(factor, 12);
  });

  test('equation 5 of arXiv 1608.03983 a quarter of the way', () => {
    const expected = 0.1 + 0.9 * 0.5 * (1 + Math.cos(Math.PI / 4));
    expect(at(options, 20)).toBeCloseTo(expected, 12);
  });

  test('a stage that is all warm-up ends at the full rate', () => {
    expect(at({ kind: 'cosine', warmup: EPOCHS, floor: 0 }, 49)).toBe(1);
  });
});

test('after the warm-up the factor never grows, and it stays between floor and 1', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 12 }),
      (warmup, floor, perEpoch, epochs) => {
        const options = { kind: 'cosine', warmup, floor } as const;
        let last = 1;
        for (let step = warmup * perEpoch; step < epochs * perEpoch; step++) {
          const factor = scheduleFactor(options, step, perEpoch, epochs);
          expect(factor).toBeLessThanOrEqual(last + 1e-12);
          expect(factor).toBeGreaterThanOrEqual(floor - 1e-12);
          last = factor;
        }
      },
    ),
  );
});
