import { expect, test } from 'vitest';
import { nearNames, plainName } from '../../src/core/near-names.ts';

const names = ['Laysan Albatross', 'Sooty Albatross', 'Groove billed Ani', 'Least Auklet'];

test('case, a number in front and separators make no difference', () => {
  expect(plainName('001.Black_footed_Albatross')).toBe('black footed albatross');
  expect(plainName('Black-footed  Albatross')).toBe('black footed albatross');
  expect(plainName('42')).toBe('42');
});

test('names that contain the word come first, then those of few errors', () => {
  expect(nearNames('albatross', names)).toEqual(['Laysan Albatross', 'Sooty Albatross']);
  expect(nearNames('Least Aucklet', names)).toEqual(['Least Auklet']);
  expect(nearNames('Soty Albatros', names, 1)).toEqual(['Sooty Albatross']);
  expect(nearNames('zebra', names)).toEqual([]);
});
