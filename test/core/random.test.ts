// Keyed random numbers: the published vectors, and the properties that reproducibility rests on.

import { expect, test } from 'vitest';
import { hashString, randomStream, threefry } from '../../src/core/random.ts';

/** Test vectors of Random123 for threefry2x32 with 20 rounds: key, counter, result. */
const vectors = [
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
] as const;

test.each(vectors)('threefry2x32-20 with key %i %i at counter %i %i', (k0, k1, c0, c1, x0, x1) => {
  const out = new Uint32Array(2);
  threefry(k0, k1, c0, c1, out);
  expect([...out]).toEqual([x0, x1]);
});

test('FNV-1a of known strings', () => {
  expect(hashString('')).toBe(0x811c9dc5);
  expect(hashString('a')).toBe(0xe40c292c);
  expect(hashString('foobar')).toBe(0xbf9cf968);
});

/** The first draws of a stream. */
function draws(stream: { uint32(): number }, n = 8): number[] {
  return Array.from({ length: n }, () => stream.uint32());
}

test('the same keys give the same draws, other keys other draws', () => {
  const paths = [
    [1, 'augment', 0, 'a.jpg'],
    [2, 'augment', 0, 'a.jpg'],
    [2 ** 32 + 1, 'augment', 0, 'a.jpg'],
    [1, 'shuffle', 0, 'a.jpg'],
    [1, 'augment', 1, 'a.jpg'],
    [1, 'augment', 0, 'b.jpg'],
    [1, 'augment', '0', 'a.jpg'],
    [1, 'augment', 'a.jpg', 0],
    [1, 'augment', 0],
    [1, 'augment', 2 ** 32, 'a.jpg'],
    [1, 'augment', -1, 'a.jpg'],
  ] as const;
  const of = ([seed, purpose, ...keys]: (typeof paths)[number]) =>
    draws(randomStream(seed, purpose, ...keys)).join();
  const all = paths.map(of);
  expect(new Set(all).size).toBe(paths.length);
  expect(paths.map(of)).toEqual(all);
});

test('a child does not depend on what its parent drew', () => {
  const parent = randomStream(7, 'test');
  const before = draws(parent.child('x', 3));
  draws(parent, 100);
  expect(draws(parent.child('x', 3))).toEqual(before);
  expect(draws(parent.child('x').child(3))).toEqual(before);
});

test('sibling streams are not correlated', () => {
  const n = 4000;
  const uniforms = (key: number) => {
    const stream = randomStream(7, 'siblings', key);
    return Array.from({ length: n }, () => stream.uniform() - 0.5);
  };
  for (let key = 0; key < 8; key++) {
    const [a, b] = [uniforms(key), uniforms(key + 1)];
    const correlation = (12 * a.reduce((sum, v, i) => sum + v * b[i], 0)) / n;
    expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(n));
  }
});

test('uniform numbers fill their range evenly', () => {
  const [n, bins] = [20_000, 50];
  const stream = randomStream(3, 'uniformity');
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < n; i++) {
    const value = stream.uniform(-2, 3);
    expect(value >= -2 && value < 3).toBe(true);
    counts[Math.floor(((value + 2) / 5) * bins)]++;
  }
  const chi2 = counts.reduce((sum, c) => sum + (c - n / bins) ** 2 / (n / bins), 0);
  expect(chi2).toBeLessThan(86); // 49 degrees of freedom: exceeded once in a thousand seeds
});

test('normal deviates have their mean, deviation and tails', () => {
  const n = 20_000;
  const stream = randomStream(4, 'normal');
  const values = Array.from({ length: n }, () => stream.normal(5, 2));
  const mean = values.reduce((a, b) => a + b) / n;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  const beyond = values.filter((v) => Math.abs(v - 5) > 4).length / n;
  expect(Math.abs(mean - 5)).toBeLessThan(0.06);
  expect(Math.abs(deviation - 2)).toBeLessThan(0.05);
  expect(Math.abs(beyond - 0.0455)).toBeLessThan(0.006); // outside two deviations
});

test('integers, chances, picks and permutations', () => {
  const stream = randomStream(5, 'small');
  const rolls = Array.from({ length: 6000 }, () => stream.integer(6));
  for (let face = 0; face < 6; face++) {
    const share = rolls.filter((roll) => roll === face).length / rolls.length;
    expect(Math.abs(share - 1 / 6)).toBeLessThan(0.02);
  }
  const hits = Array.from({ length: 4000 }, () => stream.chance(0.3)).filter(Boolean).length;
  expect(Math.abs(hits / 4000 - 0.3)).toBeLessThan(0.03);
  expect(['a', 'b']).toContain(stream.pick(['a', 'b']));
  const order = stream.permutation(50);
  expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(stream.permutation(0)).toEqual([]);
});

test('every permutation of three is as likely as the others', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = randomStream(6, 'permutation', i).permutation(3).join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
});
