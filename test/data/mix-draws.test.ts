// Shares and rectangles: their distributions, their bounds, and that keys alone decide them.

import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { drawMix, type MixOptions, SHARE_STEPS, symmetricBeta } from '../../src/data/mix-draws.ts';

const DRAWS = 4000;
const SIZE = 32;

const drawn = (alpha: number) =>
  Array.from({ length: DRAWS }, (_, i) => symmetricBeta(alpha, randomStream(1, 'beta', alpha, i)));

const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

describe('Beta(alpha, alpha)', () => {
  test.each([0.1, 0.2, 0.5, 1, 2, 8])('mean and variance at alpha %d', (alpha) => {
    const numbers = drawn(alpha);
    const middle = mean(numbers);
    const variance = mean(numbers.map((x) => (x - middle) ** 2));
    const expected = 1 / (4 * (2 * alpha + 1));
    expect(middle).toBeCloseTo(0.5, 1);
    // four standard errors of the mean
    expect(Math.abs(middle - 0.5)).toBeLessThan(4 * Math.sqrt(expected / DRAWS));
    expect(variance / expected).toBeGreaterThan(0.92);
    expect(variance / expected).toBeLessThan(1.08);
  });

  // Kolmogorov's bound at one in a thousand: 1.95 / sqrt(n)
  test.each<[number, (x: number) => number]>([
    [0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x) => x],
    [2, (x) => 3 * x ** 2 - 2 * x ** 3],
  ])('its distribution function at alpha %d', (alpha, cdf) => {
    const sorted = drawn(alpha).sort((a, b) => a - b);
    const gaps = sorted.map((x, i) => Math.abs(cdf(x) - (i + 0.5) / DRAWS));
    expect(Math.max(...gaps)).toBeLessThan(1.95 / Math.sqrt(DRAWS));
  });

  test.each([1e-3, 1e-9, 1e6])('stays within 0 and 1 at alpha %d', (alpha) => {
    for (const x of drawn(alpha).slice(0, 200)) expect(x >= 0 && x <= 1).toBe(true);
  });
});

describe('plans', () => {
  const plans = (options: MixOptions, count = 500) =>
    Array.from({ length: count }, (_, i) => drawMix(options, SIZE, randomStream(1, 'mix', 0, i)));

  test('nothing is drawn when both are off', () => {
    expect(plans({ mixup: 0, cutmix: 0 }, 3)).toEqual([undefined, undefined, undefined]);
  });

  test("mixup's shares are multiples of a step, so that bytes and targets agree", () => {
    for (const plan of plans({ mixup: 0.4, cutmix: 0 })) {
      expect(plan?.box).toBeUndefined();
      expect(Number.isInteger(plan!.share * SHARE_STEPS)).toBe(true);
    }
  });

  test("CutMix's share is what its rectangle leaves", () => {
    for (const plan of plans({ mixup: 0, cutmix: 1 })) {
      const { left, top, right, bottom } = plan!.box!;
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(Math.max(right, bottom)).toBeLessThanOrEqual(SIZE);
      expect(right >= left && bottom >= top).toBe(true);
      expect(plan!.share).toBe(1 - ((right - left) * (bottom - top)) / SIZE ** 2);
    }
  });

  test('a rectangle that the border does not cut has the area 1 - lambda, to whole pixels', () => {
    const size = 512;
    let inside = 0;
    for (let i = 0; i < 200; i++) {
      const stream = () => randomStream(2, 'area', i);
      const lambda = symmetricBeta(1, stream().child('share'));
      const { share, box } = drawMix({ mixup: 0, cutmix: 1 }, size, stream())!;
      const { left, top, right, bottom } = box!;
      if (left === 0 || top === 0 || right === size || bottom === size) continue;
      inside++;
      expect(Math.abs(share - lambda)).toBeLessThan(4 / size);
      expect(right - left, 'a square on a square').toBe(bottom - top);
    }
    expect(inside).toBeGreaterThan(20);
  });

  test('with both on, each comes about as often', () => {
    const cuts = plans({ mixup: 0.2, cutmix: 1 }).filter((plan) => plan?.box !== undefined).length;
    expect(cuts).toBeGreaterThan(200);
    expect(cuts).toBeLessThan(300);
  });

  test('keys alone decide', () => {
    const options = { mixup: 1, cutmix: 1 };
    expect(plans(options, 20)).toEqual(plans(options, 20));
    const [a, b] = [0, 1].map((step) => drawMix(options, SIZE, randomStream(1, 'mix', 0, step)));
    expect(a).not.toEqual(b);
  });
});
