import { expect, test } from 'vitest';
import { cutInWords, shareOutside } from '../../src/recognise/cut-object.ts';

test('an object that the centre crop cuts is told, with the way out', () => {
  expect(shareOutside([0, 0, 10, 10], [0, 0, 10, 10])).toBe(0);
  expect(shareOutside([0, 0, 10, 10], [5, 0, 20, 20])).toBe(0.5);
  expect(shareOutside([0, 0, 10, 10], [50, 50, 5, 5])).toBe(1);
  expect(cutInWords([0, 0, 10, 10], [6, 0, 20, 20], 'centre-crop')).toMatch(/^60 % .*view=squash/);
  expect(cutInWords([0, 0, 10, 10], [1, 0, 20, 20], 'centre-crop')).toBeUndefined();
  expect(cutInWords([0, 0, 10, 10], [6, 0, 20, 20], 'squash')).toBeUndefined();
});
