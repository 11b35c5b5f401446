import { describe, expect, test } from 'vitest';
import { evaluationBox } from '../../src/data/image/preprocess.ts';
import { wholeBox } from '../../src/data/image/resize.ts';
import {
  cutInWords,
  keepsLittle,
  longInWords,
  shareOutside,
} from '../../src/recognise/cut-object.ts';

test('an object that the centre crop cuts is told, with the way out', () => {
  expect(shareOutside([0, 0, 10, 10], [0, 0, 10, 10])).toBe(0);
  expect(shareOutside([0, 0, 10, 10], [5, 0, 20, 20])).toBe(0.5);
  expect(shareOutside([0, 0, 10, 10], [50, 50, 5, 5])).toBe(1);
  expect(cutInWords([0, 0, 10, 10], [6, 0, 20, 20], 'centre-crop')).toMatch(
    /^60 % .*--set view=squash/,
  );
  expect(cutInWords([0, 0, 10, 10], [1, 0, 20, 20], 'centre-crop')).toBeUndefined();
  expect(cutInWords([0, 0, 10, 10], [6, 0, 20, 20], 'squash')).toBeUndefined();
});

describe('by the shape of the photograph', () => {
  const geometry = { size: 224, mode: 'centre-crop' } as const;
  const photo = (width: number, height: number) => ({ width, height, data: new Uint8Array(0) });

  test.each([
    ...[
      [400, 400],
      [400, 300],
      [300, 400],
      [600, 400],
      [1920, 1080],
      [333, 500],
    ],
  ])('an ordinary photograph of %d x %d is never told of', (width, height) => {
    expect(keepsLittle(evaluationBox(photo(width, height), geometry), geometry.mode)).toBe(false);
  });

  test.each([
    ...[
      [400, 300],
      [600, 400],
    ],
  ])('an object that fills %d x %d is not worth a word', (width, height) => {
    const image = photo(width, height);
    const view = evaluationBox(image, geometry);
    expect(cutInWords(wholeBox(image), view, geometry.mode)).toBeUndefined();
  });

  test.each([
    ...[
      [600, 200],
      [100, 230],
      [2000, 1000],
    ],
  ])('one of %d x %d is, where it is not squashed', (width, height) => {
    const view = evaluationBox(photo(width, height), geometry);
    expect(keepsLittle(view, 'centre-crop')).toBe(true);
    expect(keepsLittle([0, 0, width, height], 'squash')).toBe(false);
  });

  test('several are told in one sentence', () => {
    expect(longInWords(['a.jpg'])).toMatch(/^a\.jpg is so long that .* --set view=squash/);
    expect(longInWords(['a', 'b', 'c', 'd'])).toMatch(/^4 photographs .*\(a, b, c and 1 more\)/);
  });
});
