// What a model remembers of the photographs that it has seen.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { countSeen, rememberSeen } from '../../src/data/seen-images.ts';

const hashes = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) =>
    createHash('sha256')
      .update(String(from + i))
      .digest('hex'),
  );

test('counts those that trained and those that chose, whatever their order', () => {
  const seen = rememberSeen(hashes(0, 300), hashes(300, 330));
  expect(countSeen(hashes(0, 400).reverse(), seen)).toEqual({
    images: 400,
    trained: 300,
    chosen: 30,
  });
  expect(countSeen(hashes(1000, 1200), seen)).toEqual({ images: 200, trained: 0, chosen: 0 });
  expect(countSeen([], seen)).toEqual({ images: 0, trained: 0, chosen: 0 });
});

test('of very many a part is kept, from which the share is estimated', () => {
  const seen = rememberSeen(hashes(0, 100_000), []);
  expect(seen.every).toBe(3);
  expect(seen.trained.length).toBeLessThan(200_000);
  const { trained } = countSeen(hashes(95_000, 105_000), seen);
  expect(trained / 10_000).toBeCloseTo(0.5, 1);
});
