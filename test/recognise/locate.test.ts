// Finding an object: what a network sees to one side of where it is comes back to its place.
import { expect, test } from 'vitest';
import type { RawImage } from '../../src/core/raw-image.ts';
import { plainImage } from '../../src/data/image/draw.ts';
import { locateObject } from '../../src/recognise/locate.ts';

/** A photograph of 120 x 60 with something white in columns 30 to 60 and rows 15 to 45. */
function photograph(): RawImage {
  const image = plainImage(120, 60, [0, 0, 0]);
  for (let y = 15; y < 45; y++) image.data.fill(255, (y * 120 + 30) * 3, (y * 120 + 60) * 3);
  return image;
}

/** Brightness, moved to the right by so many cells. */
function brightness(shift: number) {
  return async ({ width, height, data }: RawImage) => {
    const map = Float32Array.from({ length: width * height }, (_, i) => {
      const x = (i % width) - shift;
      return x >= 0 ? data[(i - (i % width) + x) * 3] : 0;
    });
    return { width, height, data: map };
  };
}

test('the box is in pixels of the photograph, whatever its shape', async () => {
  const { box, region, mask } = await locateObject(photograph(), 40, brightness(0));
  expect(region).toEqual([0, 0, 120, 60]);
  expect([mask.width, mask.height]).toEqual([40, 40]);
  expect(box).toBeAllClose([30, 15, 30, 30], { rtol: 0, atol: 1e-6 });
});

test('a network that sees two cells to the right does not move the middle of the box', async () => {
  const { box } = await locateObject(photograph(), 40, brightness(2));
  expect(box[0] + box[2] / 2).toBeCloseTo(45, 6);
});
