import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareAccuracy,
  findingOf,
  LARGEST_P,
  mcnemarExact,
  mirrored,
} from '../../src/evaluate/comparison.ts';
import { perClassMeanInterval, quantile, wilsonInterval } from '../../src/evaluate/intervals.ts';

describe('Wilson', () => {
  test('8 of 10 by hand, and the ends', () => {
    // centre (0.8 + z^2 / 20) / (1 + z^2 / 10) = 0.71674, half width 0.22658
    expect(wilsonInterval(8, 10)).toBeAllClose([0.49016247, 0.94331784], { rtol: 1e-6 });
    expect(wilsonInterval(0, 10)[0]).toBe(0);
    expect(wilsonInterval(10, 10)[1]).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });

  test('holds the fraction and mirrors', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(), (n, raw) => {
        const hits = raw % (n + 1);
        const [low, high] = wilsonInterval(hits, n);
        expect(low).toBeLessThanOrEqual(hits / n);
        expect(high).toBeGreaterThanOrEqual(hits / n);
        expect(1 - low).toBeCloseTo(wilsonInterval(n - hits, n)[1], 12);
      }),
    );
  });
});

describe('bootstrap', () => {
  test('quantile is linear between values', () => {
    expect(quantile([0, 1, 2, 3], 0.5)).toBe(1.5);
    expect(quantile([7], 0.05)).toBe(7);
  });

  test('per-class mean: near the normal approximation, repeatable, keyed by seed', () => {
    const labels = Array.from({ length: 400 }, (_, i) => i % 4);
    const right = labels.map((_, i) => (i % 5 === 0 ? 0 : 1));
    const [low, high] = perClassMeanInterval(labels, right, 4, { seed: 1 });
    const half = 1.96 * Math.sqrt((0.8 * 0.2) / 400);
    expect((high - low) / 2).toBeGreaterThan(0.85 * half);
    expect((high - low) / 2).toBeLessThan(1.15 * half);
    expect(perClassMeanInterval(labels, right, 4, { seed: 1 })).toEqual([low, high]);
    expect(perClassMeanInterval(labels, right, 4, { seed: 2 })).not.toEqual([low, high]);
  });
});

describe('without mistakes', () => {
  test('the interval is still honest: that of Wilson', () => {
    expect(perClassMeanInterval([0, 1, 2], [1, 1, 1], 3)).toEqual(wilsonInterval(3, 3));
    expect(perClassMeanInterval([0, 1, 2], [0, 0, 0], 3)).toEqual(wilsonInterval(0, 3));
  });
});

describe('compare', () => {
  test('McNemar by hand: 1 against 7 of 8 is 2 (1 + 8) / 256', () => {
    expect(mcnemarExact(1, 7)).toBeCloseTo(18 / 256, 12);
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(5, 5)).toBe(1);
    expect(mcnemarExact(3000, 3100)).toBeCloseTo(mcnemarExact(3100, 3000), 12);
  });

  test('a clear difference holds, none does not', () => {
    const b = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const a = b.map((right, i) => (i % 6 === 1 ? 1 : right));
    const result = compareAccuracy(a, b);
    expect(result).toMatchObject({ n: 300, accuracyB: 0.5, onlyA: 50, onlyB: 0, claim: 'above' });
    expect(result.difference).toBeCloseTo(1 / 6, 12);
    expect(result.interval[0]).toBeGreaterThan(0.12);
    expect(compareAccuracy(b, b)).toMatchObject({ difference: 0, claim: null, mcnemar: 1 });
  });

  test('shares over seeds: the mean of the differences, and a sign test over images', () => {
    const a = [1, 0.5, 0, 1, 1];
    const b = [0.5, 0.5, 0.5, 0, 0];
    const result = compareAccuracy(a, b);
    expect(result.difference).toBeCloseTo((0.5 - 0.5 + 1 + 1) / 5, 12);
    expect(result).toMatchObject({ accuracyA: 0.7, accuracyB: 0.3, onlyA: 3, onlyB: 1 });
    expect(result.mcnemar).toBeCloseTo((2 * (1 + 4)) / 16, 12);
  });

  test('with fewer than six deciding images nothing is claimed, whatever the interval', () => {
    const wins = (n: number) => Array.from({ length: 543 }, (_, i) => (i < n ? 1 : 0));
    const five = compareAccuracy(wins(5), wins(0));
    expect(five.interval[0]).toBeGreaterThan(0);
    expect(five.mcnemar).toBeCloseTo(2 / 32, 12);
    expect(five).toMatchObject({ claim: null, doubt: 'few' });
    const six = compareAccuracy(wins(6), wins(0));
    expect(six).toMatchObject({ claim: 'above', doubt: null });
    expect(compareAccuracy(wins(0), wins(6))).toMatchObject({ claim: 'below', doubt: null });
  });

  test('no claim beside a p that says otherwise: 6 against 1 of 543 images', () => {
    const a = Array.from({ length: 543 }, (_, i) => (i < 6 ? 1 : 0));
    const b = a.map((_, i) => (i === 6 ? 1 : 0));
    const split = compareAccuracy(a, b);
    expect(split.interval[0]).toBeGreaterThan(0);
    expect(split.mcnemar).toBeCloseTo((2 * (1 + 7)) / 128, 12);
    expect(split).toMatchObject({ claim: null, doubt: 'split' });
  });

  test('whatever the figures, a claim has the side of its interval and a p of its level', () => {
    const end = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(end, end, fc.nat(300), fc.nat(300), (x, y, onlyA, onlyB) => {
        const interval = [Math.min(x, y), Math.max(x, y)] as const;
        const mcnemar = mcnemarExact(onlyA, onlyB);
        const { claim, doubt } = findingOf({ interval, onlyA, onlyB, mcnemar });
        expect(claim === null).toBe(doubt !== null);
        if (claim === null) return;
        expect(claim).toBe(interval[0] > 0 ? 'above' : 'below');
        expect(interval[0] > 0 || interval[1] < 0).toBe(true);
        expect(mcnemar).toBeLessThan(LARGEST_P);
        expect(onlyA + onlyB).toBeGreaterThanOrEqual(6);
      }),
    );
  });

  test('seen from the other side everything is turned round', () => {
    const a = Array.from({ length: 60 }, (_, i) => (i < 20 ? 1 : 0));
    const b = a.map((_, i) => (i > 57 ? 1 : 0));
    const found = compareAccuracy(a, b);
    const other = mirrored(found);
    expect([found.claim, other.claim]).toEqual(['above', 'below']);
    expect(other).toMatchObject({ difference: -found.difference, onlyA: 2, onlyB: 20 });
    expect(other.interval).toEqual([-found.interval[1], -found.interval[0]]);
    expect(mirrored(other)).toEqual(found);
  });

  test('images that belong together are drawn together', () => {
    // 100 images, of which A alone has 10 right: one burst of 10, or 10 by themselves
    const a = Array.from({ length: 100 }, (_, i) => (i < 10 ? 1 : 0));
    const b = a.map(() => 0);
    const burst = a.map((right, i) => (right === 1 ? 'burst' : `${i}`));
    const alone = compareAccuracy(a, b);
    expect(alone.claim).toBe('above');
    const together = compareAccuracy(a, b, { units: burst });
    expect(together).toMatchObject({ n: 100, difference: alone.difference, onlyA: 10 });
    // a draw of 91 units misses the burst with (90 / 91)^91 = 0.37, so the lower end is 0
    expect(together.interval[0]).toBe(0);
    expect(together).toMatchObject({ claim: null, doubt: 'interval' });
    // and has it three times or more with 0.08: 30 of 118
    expect(together.interval[1]).toBeGreaterThan(alone.interval[1] + 0.05);
    expect(compareAccuracy(a, b, { units: a.map((_, i) => `${i}`) })).toEqual(alone);
  });

  test('refuses sets that are not paired', () => {
    expect(() => compareAccuracy([1], [1, 0])).toThrow('the same images for both recognisers');
    expect(() => compareAccuracy([], [])).toThrow('at least one');
  });
});
