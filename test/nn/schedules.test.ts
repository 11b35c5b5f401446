// Learning-rate factors at their borders.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterEpoch,
  type PlateauOptions,
  plateauStart,
  type ScheduleOptions,
  scheduleFactor,
} from '../../src/nn/schedules.ts';

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

describe('plateau', () => {
  const defaults: PlateauOptions = {
    kind: 'plateau',
    warmup: 0,
    watch: 'loss',
    factor: 0.5,
    patience: 1,
    threshold: 1e-4,
    cooldown: 0,
    floor: 0,
  };

  /** Factors of the first epoch and of each one after a result. */
  function factors(options: Partial<PlateauOptions>, values: readonly number[]) {
    const all = { ...defaults, ...options };
    const other = { top1: 0.5, loss: 1 };
    return values.reduce(
      (state, value) => afterEpoch(all, state, { ...other, [all.watch]: value }),
      plateauStart,
    ).factors;
  }

  // learning rates of torch 2.15's ReduceLROnPlateau, from a rate of 1 and with eps 0
  const losses = [1, 0.9, 0.9, 0.91, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8];
  const accuracies = [0.2, 0.4, 0.4, 0.40003, 0.41, 0.41, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5];
  test.each<[string, Partial<PlateauOptions>, number[], number[]]>([
    [
      'patience',
      { patience: 2, factor: 0.1 },
      losses,
      [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001],
    ],
    [
      'no patience',
      { patience: 0 },
      losses.slice(0, 9),
      [1, 1, 1, 0.5, 0.25, 0.125, 0.125, 0.0625, 0.03125, 0.015625],
    ],
    [
      'a cool-down of two epochs',
      { cooldown: 2 },
      losses,
      [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125],
    ],
    [
      'a floor (min_lr)',
      { patience: 0, factor: 0.1, floor: 0.02 },
      losses.slice(0, 6),
      [1, 1, 1, 0.1, 0.02, 0.02, 0.02],
    ],
    [
      'a threshold of a tenth',
      { threshold: 0.1 },
      [1, 0.95, 0.92, 0.89, 0.85, 0.81, 0.8, 0.7],
      [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25],
    ],
    [
      'accuracy',
      { watch: 'top1' },
      accuracies,
      [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625],
    ],
    [
      'accuracy, cool-down and threshold',
      { watch: 'top1', cooldown: 1, threshold: 0.05 },
      accuracies,
      [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125],
    ],
    ['an accuracy of zero', { watch: 'top1' }, [0, 0, 0, 0.1], [1, 1, 1, 0.5, 0.5]],
    [
      'losses that are no numbers',
      { patience: 0 },
      [Number.NaN, Number.POSITIVE_INFINITY, 2, Number.NaN, 1, 1],
      [1, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625],
    ],
  ])('as torch: %s', (_, options, values, expected) => {
    expect(factors(options, values)).toBeAllClose(expected, { rtol: 1e-12 });
  });

  test('survives a checkpoint at any epoch', () => {
    const results = losses.map((loss) => ({ top1: 0.5, loss }));
    const step = (state: typeof plateauStart, i: number) => afterEpoch(defaults, state, results[i]);
    let whole = plateauStart;
    let stored = plateauStart;
    results.forEach((_, i) => {
      whole = step(whole, i);
      stored = JSON.parse(JSON.stringify(step(stored, i)));
    });
    expect(stored).toEqual(whole);
  });

  test('the function of the step alone warms up and then stays', () => {
    const options = { ...defaults, warmup: 1 };
    expect([0, 4, 9, 10, 49].map((step) => at(options, step))).toEqual([0.1, 0.5, 1, 1, 1]);
  });
});
