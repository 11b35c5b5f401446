// Pairs of places by hand, and their shares against the kernel of the pooled matrices.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32 } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import { bilinearMatrix } from '../../src/nn/bilinear-pooling.ts';
import { locationPairs } from '../../src/recognise/location-pairs.ts';

// places (1, 0), (0, 2) against (0, 1), (3, 0), (0, 0): products squared 0 9 0 and 4 0 0
test('the strongest pairs by hand, none with a place that is taken', () => {
  const query = float32([1, 2, 1, 2], [1, 0, 0, 2]);
  const example = float32([1, 2, 3, 1], [0, 3, 0, 1, 0, 0]);
  expect(locationPairs(query, example, { top: 5 })).toEqual([
    { query: [0, 0], example: [1, 0], share: 9 / 13 },
    { query: [0, 1], example: [0, 0], share: 4 / 13 },
  ]);
  expect(locationPairs(query, example, { top: 1 })).toHaveLength(1);
});

test('weights of the places of the query, and no pairs that count nothing', () => {
  const query = float32([1, 2, 1, 2], [1, 0, 0, 2]);
  const example = float32([1, 2, 3, 1], [0, 3, 0, 1, 0, 0]);
  expect(locationPairs(query, example, { top: 5, weights: [1, 6] })).toEqual([
    { query: [0, 1], example: [0, 0], share: 24 / 33 },
    { query: [0, 0], example: [1, 0], share: 9 / 33 },
  ]);
  expect(locationPairs(query, example, { top: 5, weights: [0, 6] })).toEqual([
    { query: [0, 1], example: [0, 0], share: 1 },
  ]);
});

test('a map of zeros has no pairs', () => {
  const zero = float32([1, 2, 1, 2], [0, 0, 0, 0]);
  expect(locationPairs(zero, float32([1, 2, 1, 1], [1, 1]), { top: 3 })).toEqual([]);
});

test('squared products over all pairs are the inner product of the bilinear matrices', () => {
  const r = randomStream(2, 'pairs');
  const [a, b] = [
    [1, 4, 2, 3],
    [1, 4, 2, 2],
  ].map((shape) =>
    float32(
      shape,
      Array.from({ length: shape[1] * shape[2] * shape[3] }, () => r.uniform(-1, 1)),
    ),
  );
  const [best] = locationPairs(a, b, { top: 1 });
  const at = (map: typeof a, [row, column]: readonly [number, number]) =>
    [0, 1, 2, 3].map((c) => map.data[(c * map.shape[2] + row) * map.shape[3] + column]);
  const [x, y] = [at(a, best.query), at(b, best.example)];
  const product = x.reduce((total, v, i) => total + v * y[i], 0) ** 2;
  const [pa, pb] = [a, b].map((map) => {
    const value = input('x', map.shape);
    return evaluate([bilinearMatrix(value, value)], { x: [...map.data] })[0].data;
  });
  const kernel = pa.reduce((total, v, i) => total + v * pb[i], 0) * 6 * 4;
  expect([best.share]).toBeAllClose([product / kernel], { rtol: 1e-5 });
});
