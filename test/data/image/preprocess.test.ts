import { expect, test } from 'vitest';
import { evaluationBox, preprocessImage, shortSideOf } from '../../../src/data/image/preprocess.ts';
import { noiseImage } from '../../support/images.ts';

// parity of the centre crop with torchvision's two steps is in resize.test.ts

test('the short side defaults to 256 for 224', () => {
  expect(shortSideOf({ size: 224, mode: 'centre-crop' })).toBe(256);
  expect(shortSideOf({ size: 448, mode: 'centre-crop' })).toBe(512);
  expect(shortSideOf({ size: 448, resizeShort: 600, mode: 'centre-crop' })).toBe(600);
  expect(shortSideOf({ size: 448, mode: 'squash' })).toBe(448);
});

test('centre crop: 7/8 of the short side', () => {
  const box = evaluationBox({ width: 512, height: 256 }, { size: 224, mode: 'centre-crop' });
  expect(box).toEqual([144, 16, 224, 224]);
});

test('inside an object box, and squashed', () => {
  const source = { width: 500, height: 400 };
  const within = [100, 50, 256, 256] as const;
  expect(evaluationBox(source, { size: 224, mode: 'centre-crop' }, within)).toEqual([
    116, 66, 224, 224,
  ]);
  expect(evaluationBox(source, { size: 224, mode: 'squash' }, within)).toEqual(within);
  expect(evaluationBox(source, { size: 224, mode: 'squash' })).toEqual([0, 0, 500, 400]);
});

test('any size of image gives the square, one pixel too', () => {
  for (const [width, height] of [
    [1, 1],
    [1, 900],
    [37, 23],
    [300, 301],
  ]) {
    for (const mode of ['centre-crop', 'squash'] as const) {
      const out = preprocessImage(noiseImage(width, height), { size: 16, mode });
      expect([out.width, out.height, out.data.length]).toEqual([16, 16, 768]);
    }
  }
});
