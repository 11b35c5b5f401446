import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Box } from '../../../src/core/example.ts';
import type { RawImage } from '../../../src/core/raw-image.ts';
import { preprocessImage } from '../../../src/data/image/preprocess.ts';
import { resizeCrop, wholeBox } from '../../../src/data/image/resize.ts';
import { noiseImage } from '../../support/images.ts';

interface Goldens {
  resized: {
    source: [number, number];
    box: [number, number, number, number];
    size: [number, number];
    pixels: string;
  }[];
  centreCropped: { source: [number, number]; short: number; size: number; pixels: string }[];
}
const goldens: Goldens = JSON.parse(
  readFileSync(new URL('../goldens/resize.json', import.meta.url), 'utf8'),
);

/** The formula of goldens/resize.py. */
function picture([width, height]: [number, number]): RawImage {
  const value = (i: number) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (x * x * 3 + y * 7 + x * y + c * 50) % 256;
  };
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => value(i));
  return { width, height, data };
}

function meanError(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((total, value, i) => total + Math.abs(value - b[i]), 0) / a.length;
}

describe('parity with Pillow and torchvision: mean absolute error below 1/255', () => {
  test.each(goldens.resized)('$source $box to $size', ({ source, box, size, pixels }) => {
    const { data } = resizeCrop(picture(source), box, ...size);
    expect(meanError(data, Buffer.from(pixels, 'base64'))).toBeLessThan(0.5);
  });

  test.each(goldens.centreCropped)('$source, centre $size of $short', (golden) => {
    const { source, short, size, pixels } = golden;
    const geometry = { size, resizeShort: short, mode: 'centre-crop' } as const;
    const { data } = preprocessImage(picture(source), geometry);
    expect(meanError(data, Buffer.from(pixels, 'base64'))).toBeLessThan(0.5);
  });
});

describe('resizeCrop', () => {
  const side = fc.integer({ min: 1, max: 24 });

  test('the same size changes nothing', () => {
    const image = noiseImage(13, 9);
    expect(resizeCrop(image, wholeBox(image), 13, 9)).toEqual(image);
    expect(resizeCrop(image, [2, 3, 5, 4], 5, 4).data.subarray(0, 3)).toEqual(
      image.data.subarray((3 * 13 + 2) * 3, (3 * 13 + 2) * 3 + 3),
    );
  });

  test('halving averages by the triangle filter', () => {
    // one row 0 0 100 100 0 0: middle pixel is centred at 3 with support 2, weights 1 3 3 1 over 8
    const row = [0, 0, 100, 100, 0, 0].flatMap((v) => [v, v, v]);
    const image = { width: 6, height: 1, data: Uint8Array.from(row) };
    expect(resizeCrop(image, [0, 0, 6, 1], 3, 1).data[3]).toBe(75);
  });

  test('a flat image stays flat, wherever the box is', () => {
    const coordinate = fc.double({ min: -30, max: 30, noNaN: true });
    const extent = fc.double({ min: 0, max: 40, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(side, side, side, side),
        fc.tuple(coordinate, coordinate, extent, extent),
        fc.integer({ min: 0, max: 255 }),
        ([width, height, w, h], box, value) => {
          const image = { width, height, data: new Uint8Array(width * height * 3).fill(value) };
          const out = resizeCrop(image, box as Box, w, h);
          return out.data.length === w * h * 3 && out.data.every((v) => v === value);
        },
      ),
    );
  });

  test('flipping the result is flipping the image', () => {
    fc.assert(
      fc.property(side, side, side, side, (width, height, w, h) => {
        const image = noiseImage(width, height);
        const mirrored = resizeCrop(image, wholeBox(image), width, height, { flip: true });
        const box: Box = [width / 4, 0, width / 2, height];
        const flipped = resizeCrop(image, box, w, h, { flip: true });
        const difference = meanError(flipped.data, resizeCrop(mirrored, box, w, h).data);
        return difference < 0.01;
      }),
    );
  });
});
