import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Box, PartPoint } from '../../../src/core/example.ts';
import { randomStream } from '../../../src/core/random.ts';
import { mapBox, mapParts } from '../../../src/core/view.ts';
import {
  type AugmentationOptions,
  type AugmentationPlan,
  applyAugmentation,
  sampleAugmentation,
} from '../../../src/data/image/augment.ts';
import { gradientImage, noiseImage } from '../../support/images.ts';

const everything: AugmentationOptions = {
  scale: [0.1, 1],
  jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 },
  erase: { p: 1 },
};

function plan(crop: Box, flip = false): AugmentationPlan {
  return { width: 100, height: 80, crop, flip };
}

describe('sampleAugmentation', () => {
  const side = fc.integer({ min: 1, max: 3000 });

  test('crops lie inside the image, or inside the object', () => {
    fc.assert(
      fc.property(side, side, fc.nat(), (width, height, seed) => {
        const within: Box = [width / 4, height / 3, width / 2, height / 2];
        for (const outer of [[0, 0, width, height] as Box, within]) {
          const { crop } = sampleAugmentation(
            { width, height },
            everything,
            randomStream(seed, 'test'),
            outer,
          );
          expect(crop[0]).toBeGreaterThanOrEqual(outer[0] - 1e-9);
          expect(crop[1]).toBeGreaterThanOrEqual(outer[1] - 1e-9);
          expect(crop[0] + crop[2]).toBeLessThanOrEqual(outer[0] + outer[2] + 1e-9);
          expect(crop[1] + crop[3]).toBeLessThanOrEqual(outer[1] + outer[3] + 1e-9);
          expect(Math.min(crop[2], crop[3])).toBeGreaterThan(0);
        }
      }),
    );
  });

  test('areas and ratios are those asked for', () => {
    const size = { width: 400, height: 300 };
    for (let seed = 0; seed < 200; seed++) {
      const stream = randomStream(seed, 'test');
      const { crop } = sampleAugmentation(size, { scale: [0.2, 0.5], ratio: [0.8, 1.25] }, stream);
      const [, , w, h] = crop;
      expect((w * h) / 120_000).toBeGreaterThan(0.195);
      expect((w * h) / 120_000).toBeLessThan(0.505);
      expect(w / h).toBeGreaterThan(0.78);
      expect(w / h).toBeLessThan(1.27);
    }
  });

  test('a sliver falls back to the largest centred crop within the ratios', () => {
    const stream = randomStream(1, 'test');
    const { crop } = sampleAugmentation({ width: 1000, height: 10 }, { scale: [0.9, 1] }, stream);
    expect(crop[2]).toBeCloseTo(10 * (4 / 3));
    expect(crop[3]).toBe(10);
    expect(crop[0] + crop[2] / 2).toBeCloseTo(500);
  });

  test('a window is a square with a share of the short side', () => {
    const stream = randomStream(1, 'test');
    const { crop } = sampleAugmentation({ width: 90, height: 60 }, { window: 0.5 }, stream);
    expect(crop.slice(2)).toEqual([30, 30]);
  });

  test('the same stream gives the same plan; jitter and erasing do not move the crop', () => {
    const size = { width: 640, height: 480 };
    const draw = (options: AugmentationOptions) =>
      sampleAugmentation(size, options, randomStream(7, 'augment', 3, 'a.jpg'));
    expect(draw(everything)).toEqual(draw(everything));
    const { jitter, erase, ...bare } = everything;
    expect(draw(bare)).toMatchObject({ crop: draw(everything).crop, flip: draw(everything).flip });
    expect(structuredClone(draw(everything))).toEqual(draw(everything));
  });
});

describe('applyAugmentation', () => {
  test('repeats itself and leaves the source alone', () => {
    const image = noiseImage(50, 40);
    const before = image.data.slice();
    const drawn = sampleAugmentation(image, everything, randomStream(3, 'test'));
    const once = applyAugmentation(image, drawn, 32);
    expect(once.data).toHaveLength(32 * 32 * 3);
    expect(applyAugmentation(image, drawn, 32)).toEqual(once);
    expect(image.data).toEqual(before);
  });

  test('a shrunk decoding shows the same part of the picture', () => {
    const full = plan([20, 10, 60, 60], true);
    const sharp = applyAugmentation(gradientImage(100, 80), full, 16);
    const shrunk = applyAugmentation(gradientImage(50, 40), full, 16);
    expect(shrunk.data).toBeAllClose(sharp.data, { atol: 5 });
  });

  test('erasing fills its rectangle only', () => {
    const image = { width: 10, height: 10, data: new Uint8Array(300).fill(7) };
    const erase = { rect: [0.2, 0.5, 0.3, 0.4] as Box, fill: 'mean', noiseSeed: 1 } as const;
    const whole = { width: 10, height: 10, crop: [0, 0, 10, 10] as Box, flip: false };
    const { data } = applyAugmentation(image, { ...whole, erase }, 10);
    const erased = [...data.keys()].filter((i) => i % 3 === 0 && data[i] !== 7).map((i) => i / 3);
    const expected = [5, 6, 7, 8].flatMap((y) => [2, 3, 4].map((x) => y * 10 + x));
    expect(erased).toEqual(expected);
    expect([...data.subarray(52 * 3, 53 * 3)]).toEqual([124, 116, 104]);
    const noise = { ...erase, fill: 'noise', rect: [0, 0, 1, 1] as Box } as const;
    const random = applyAugmentation(image, { ...whole, erase: noise }, 10).data;
    const mean = random.reduce((total, value) => total + value, 0) / 300;
    expect(Math.abs(mean - 127)).toBeLessThan(15);
  });
});

describe('boxes and parts move along', () => {
  test('by hand', () => {
    const view = plan([10, 20, 50, 40]); // to 100 x 100: x by 2, y by 2.5
    expect(mapBox([20, 30, 10, 10], view, 100)).toEqual([20, 25, 20, 25]);
    expect(mapBox([20, 30, 10, 10], { ...view, flip: true }, 100)).toEqual([60, 25, 20, 25]);
    expect(mapBox([0, 0, 20, 30], view, 100)).toEqual([0, 0, 20, 25]);
    expect(mapBox([0, 0, 10, 80], view, 100)).toBeUndefined();
  });

  test('a flip makes the left eye a right eye', () => {
    const eye: PartPoint = { x: 20, y: 30, visible: true };
    const hidden: PartPoint = { x: 0, y: 0, visible: false };
    const swaps = [[1, 2]] as const;
    const view = plan([10, 20, 50, 40]);
    const still = mapParts([hidden, eye, hidden], swaps, view, 100);
    expect(still).toEqual([hidden, { x: 20, y: 25, visible: true }, hidden]);
    const turned = mapParts([hidden, eye, hidden], swaps, { ...view, flip: true }, 100);
    expect(turned).toEqual([hidden, hidden, { x: 80, y: 25, visible: true }]);
    expect(mapParts([{ x: 5, y: 30, visible: true }], [], view, 100)).toEqual([hidden]);
  });

  test('a marked pixel is found again where the plan says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 94 }),
        fc.integer({ min: 5, max: 74 }),
        fc.nat(),
        (x, y, seed) => {
          const data = new Uint8Array(100 * 80 * 3);
          for (const at of [0, 1, 2]) data[(y * 100 + x) * 3 + at] = 255;
          const image = { width: 100, height: 80, data };
          const drawn = sampleAugmentation(image, { scale: [0.5, 1] }, randomStream(seed, 'test'));
          const out = applyAugmentation(image, drawn, 128);
          const [part] = mapParts([{ x: x + 0.5, y: y + 0.5, visible: true }], [], drawn, 128);
          const box = mapBox([x, y, 1, 1], drawn, 128);
          const margin = 3;
          if (!part.visible || Math.min(part.x, part.y, 128 - part.x, 128 - part.y) < margin)
            return;
          expect([box![0] + box![2] / 2, box![1] + box![3] / 2]).toBeAllClose([part.x, part.y], {
            atol: 1e-6,
          });
          const brightest = out.data.indexOf(Math.max(...out.data));
          const found = Math.floor(brightest / 3);
          expect(Math.abs((found % 128) + 0.5 - part.x)).toBeLessThan(2);
          expect(Math.abs(Math.floor(found / 128) + 0.5 - part.y)).toBeLessThan(2);
        },
      ),
      { numRuns: 40 },
    );
  });
});
