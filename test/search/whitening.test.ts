// Whitening: the covariance of what comes out, and the subspace that is kept.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { fitWhitening, whiten } from '../../src/search/whitening.ts';

/** n vectors whose first directions vary most: deviation 8, 7, ... 1, then a tenth, plus a mean. */
function sample(n: number, d: number, seed: number): Float32Array {
  const r = randomStream(seed, 'sample');
  return Float32Array.from({ length: n * d }, (_, i) => {
    const axis = i % d;
    return r.normal(3 + axis, axis < 8 ? 8 - axis : 0.1);
  });
}

function covariance(y: Float32Array, d: number): number[] {
  const n = y.length / d;
  const mean = Array.from({ length: d }, (_, i) => {
    let total = 0;
    for (let row = 0; row < n; row++) total += y[row * d + i];
    return total / n;
  });
  return Array.from({ length: d * d }, (_, at) => {
    const [i, j] = [Math.floor(at / d), at % d];
    let total = 0;
    for (let row = 0; row < n; row++) {
      total += (y[row * d + i] - mean[i]) * (y[row * d + j] - mean[j]);
    }
    return total / (n - 1);
  });
}

test.each([
  [200, 30, 8],
  [40, 64, 12], // fewer vectors than numbers
])('%i vectors of %i whitened to %i: mean nought, covariance one', async (n, d, to) => {
  const x = sample(n, d, 1);
  const whitening = await fitWhitening(x, d, { to });
  const y = await whiten(x, whitening);
  expect(y).toHaveLength(n * to);
  const identity = Array.from({ length: to * to }, (_, i) => (i % (to + 1) === 0 ? 1 : 0));
  expect(covariance(y, to)).toBeAllClose(identity, { rtol: 0, atol: 2e-3 });
  for (let i = 0; i < to; i++) {
    let total = 0;
    for (let row = 0; row < n; row++) total += y[row * to + i] / n;
    expect(Math.abs(total)).toBeLessThan(1e-3);
  }
});

test('keeps the directions that vary most', async () => {
  const [n, d, to] = [400, 30, 8];
  const { matrix } = await fitWhitening(sample(n, d, 2), d, { to });
  // what the rows say of axes that hardly vary is little beside the rest, by their deviations
  for (let row = 0; row < to; row++) {
    const weights = matrix.subarray(row * d, (row + 1) * d);
    const minor = Math.hypot(...weights.subarray(8));
    expect(minor / Math.hypot(...weights)).toBeLessThan(0.15);
  }
});

test('is the same each time, and what it says of one vector does not depend on others', async () => {
  const x = sample(50, 10, 3);
  const [a, b] = [await fitWhitening(x, 10, { to: 5 }), await fitWhitening(x, 10, { to: 5 })];
  expect(a).toEqual(b);
  const [all, one] = [await whiten(x, a), await whiten(x.slice(20, 30), a)];
  expect(one).toBeAllClose(all.slice(10, 15), { rtol: 1e-4, atol: 1e-5 });
});

test('more dimensions than the vectors have is refused', async () => {
  const refused = { code: 'FM_INDEX', message: expect.stringContaining('fewer dimensions') };
  await expect(fitWhitening(sample(8, 20, 4), 20, { to: 8 })).rejects.toMatchObject(refused);
  await expect(fitWhitening(sample(50, 4, 4), 4, { to: 5 })).rejects.toMatchObject(refused);
  const twice = new Float32Array(200).map((_, i) => sample(10, 10, 5)[i % 100]);
  await expect(fitWhitening(twice, 10, { to: 10 })).rejects.toMatchObject(refused);
});

test('numbers that are none are named as the cause', async () => {
  const x = sample(50, 10, 6);
  x[123] = Number.NaN;
  await expect(fitWhitening(x, 10, { to: 5 })).rejects.toMatchObject({
    code: 'FM_INDEX',
    message: expect.stringMatching(/finite numbers, got one with NaN/),
  });
});
