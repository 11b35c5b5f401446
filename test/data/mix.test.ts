// Mixed bytes and rows, against the formulas written out.

import { describe, expect, test } from 'vitest';
import { mixImages, mixRows } from '../../src/data/mix.ts';
import { smoothTargets } from '../../src/nn/losses.ts';
import { uniformTensor } from '../support/golden.ts';

const COUNT = 5;
const SIZE = 6;
const SHAPE = [COUNT, SIZE, SIZE, 3];
const original = Uint8Array.from(uniformTensor('mix/images', SHAPE, { low: 0, high: 256 }));
/** The same position in the image before, the last one before the first. */
const before = (i: number) => {
  const width = SIZE * SIZE * 3;
  return (i + (COUNT - 1) * width) % (COUNT * width);
};

test.each([0, 1, 0.5, 0.25, 12345 / 65536])('mixup with a share of %d', (share) => {
  const images = original.slice();
  mixImages(images, COUNT, SIZE, { share });
  const expected = original.map((v, i) =>
    Math.floor(share * v + (1 - share) * original[before(i)] + 0.5),
  );
  expect(images).toEqual(expected);
});

test.each([
  { left: 0, top: 0, right: 6, bottom: 6 },
  { left: 1, top: 2, right: 4, bottom: 3 },
  { left: 5, top: 0, right: 6, bottom: 6 },
  { left: 3, top: 3, right: 3, bottom: 3 },
])('CutMix pastes %o of the image before', (box) => {
  const images = original.slice();
  mixImages(images, COUNT, SIZE, { share: 0.5, box });
  const expected = original.map((v, i) => {
    const [x, y] = [Math.floor(i / 3) % SIZE, Math.floor(i / (3 * SIZE)) % SIZE];
    const inside = x >= box.left && x < box.right && y >= box.top && y < box.bottom;
    return inside ? original[before(i)] : v;
  });
  expect(images).toEqual(expected);
});

test('a batch of one is mixed with itself', () => {
  const one = original.slice(0, SIZE * SIZE * 3);
  const mixed = one.slice();
  mixImages(mixed, 1, SIZE, { share: 0.25 });
  mixImages(mixed, 1, SIZE, { share: 0, box: { left: 0, top: 0, right: 6, bottom: 6 } });
  expect(mixed).toEqual(one);
});

describe('rows', () => {
  test('targets stay distributions, shared between the two labels', () => {
    const targets = smoothTargets([0, 2, 2], 3, 0.1);
    mixRows(targets, 3, 3, 0.75);
    const [a, b] = [0.9 + 0.1 / 3, 0.1 / 3];
    const mixed = (x: number, y: number) => 0.75 * x + 0.25 * y;
    expect(targets).toBeAllClose(
      [mixed(a, b), b, mixed(b, a), mixed(b, a), b, mixed(a, b), b, b, a],
      { rtol: 1e-6 },
    );
    for (let i = 0; i < 3; i++) {
      expect(targets[3 * i] + targets[3 * i + 1] + targets[3 * i + 2]).toBeCloseTo(1, 6);
    }
  });

  test('rows behind the count, which only fill a batch up, are left alone', () => {
    const rows = Float32Array.of(1, 1, 3, 3, 0, 0);
    mixRows(rows, 2, 2, 0.5);
    expect([...rows]).toEqual([2, 2, 2, 2, 0, 0]);
  });
});
