import { describe, expect, test } from 'vitest';
import { median, pairedRatio, quantile } from '../../bench/support/statistics.ts';

describe('quantiles', () => {
  test('the median is the middle value, or halfway between the two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('lie on the line between neighbours', () => {
    const values = [40, 0, 10, 30, 20];
    expect(quantile(values, 0)).toBe(0);
    expect(quantile(values, 1)).toBe(40);
    expect(quantile(values, 0.05)).toBeCloseTo(2);
    expect(values).toEqual([40, 0, 10, 30, 20]);
  });
});

describe('paired ratio', () => {
  test('is exact when every round agrees, however the machine drifts', () => {
    const ours = [100, 200, 400, 100, 300, 100, 150];
    const { ratio, interval } = pairedRatio(
      ours.map((ms) => 1.25 * ms),
      ours,
    );
    expect(ratio).toBeCloseTo(1.25);
    expect(interval[0]).toBeCloseTo(1.25);
    expect(interval[1]).toBeCloseTo(1.25);
  });

  test('an outlier among seven rounds moves neither ratio nor lower end', () => {
    const theirs = [110, 112, 108, 110, 111, 109, 990];
    const { ratio, interval } = pairedRatio(
      theirs,
      theirs.map(() => 100),
    );
    expect(ratio).toBeCloseTo(1.1);
    expect(interval[0]).toBeGreaterThan(1.07);
    expect(interval[0]).toBeLessThanOrEqual(ratio);
    expect(interval[1]).toBeGreaterThanOrEqual(ratio);
    expect(interval[1]).toBeLessThan(2);
  });

  test('the interval holds the true ratio about nine times in ten', () => {
    // rounds of true ratio 1.2 with a deterministic scatter of some percent
    let inside = 0;
    for (let trial = 0; trial < 60; trial++) {
      const noise = (i: number) => 0.08 * (((trial * 31 + i * 17 + trial * i * 7) % 29) / 28 - 0.5);
      const ours = Array.from({ length: 9 }, () => 100);
      const theirs = ours.map((ms, i) => 1.2 * ms * (1 + noise(i)));
      const { interval } = pairedRatio(theirs, ours);
      if (interval[0] <= 1.2 && 1.2 <= interval[1]) inside++;
    }
    expect(inside).toBeGreaterThanOrEqual(48);
  });

  test('repeats itself', () => {
    const rounds = [5, 6, 7, 8, 9, 10, 11];
    expect(pairedRatio(rounds, [...rounds].reverse())).toEqual(
      pairedRatio(rounds, [...rounds].reverse()),
    );
  });
});
