// What annotations become under a view: crops, mirror images and erased rectangles.

import { describe, expect, test } from 'vitest';
import type { Example } from '../../src/core/example.ts';
import {
  allLabelsField,
  boxField,
  fieldRows,
  maskField,
  partBoxesField,
  partsField,
  type SeenImage,
} from '../../src/core/fields.ts';

const example: Example = {
  id: 'a',
  path: 'a',
  label: 2,
  split: 'train',
  box: [20, 30, 10, 10],
  parts: [
    { x: 25, y: 35, visible: true },
    { x: 40, y: 30, visible: true },
    { x: 0, y: 0, visible: false },
  ],
  partBoxes: [[20, 30, 5, 5], undefined, [100, 100, 5, 5]],
  furtherLabels: [0],
};

/** A crop of 40 x 40 at (10, 20), seen at 80 pixels: twice as large. */
const seen: SeenImage = {
  classes: 4,
  size: 80,
  parts: { names: ['left', 'middle', 'right'], swaps: [[0, 2]] },
  view: { width: 200, height: 100, crop: [10, 20, 40, 40], flip: false },
};
const mirrored = { ...seen, view: { ...seen.view, flip: true } };
const erased = { ...seen, view: { ...seen.view, erase: { rect: [0.3, 0.3, 0.2, 0.2] } } } as const;

test('the box in shares of the view', () => {
  expect(boxField.numbers(example, seen)).toEqual([0.25, 0.25, 0.25, 0.25, 1]);
  expect(boxField.numbers(example, mirrored)).toEqual([0.5, 0.25, 0.25, 0.25, 1]);
  expect(boxField.numbers(example, erased)).toEqual([0.25, 0.25, 0.25, 0.25, 1]);
  const outside = { ...example, box: [150, 30, 10, 10] } as const;
  expect(boxField.numbers(outside, seen)).toEqual([0, 0, 0, 0, 0]);
});

test('part points: left and right are exchanged, what is erased is not visible', () => {
  const none = [0, 0, 0];
  expect(partsField.shape(seen)).toEqual([3, 3]);
  expect(partsField.numbers(example, seen)).toEqual([0.375, 0.375, 1, 0.75, 0.25, 1, ...none]);
  expect(partsField.numbers(example, mirrored)).toEqual([...none, 0.25, 0.25, 1, 0.625, 0.375, 1]);
  expect(partsField.numbers(example, erased)).toEqual([...none, 0.75, 0.25, 1, ...none]);
});

test('part boxes, those that are not there as zeros', () => {
  const none = [0, 0, 0, 0, 0];
  const first = [0.25, 0.25, 0.125, 0.125, 1];
  expect(partBoxesField.numbers(example, seen)).toEqual([...first, ...none, ...none]);
  const turned = [0.625, 0.25, 0.125, 0.125, 1];
  expect(partBoxesField.numbers(example, mirrored)).toEqual([...none, ...none, ...turned]);
});

test('masks and several labels', () => {
  const mask = new Uint8Array(6400).fill(255, 0, 80);
  const numbers = Array.from(maskField.numbers(example, { ...seen, mask }));
  expect(numbers.slice(79, 81)).toEqual([1, 0]);
  expect(Array.from(allLabelsField.numbers(example, seen))).toEqual([1, 0, 1, 0]);
});

describe('rows of a batch', () => {
  test('are filled up with zeros', () => {
    const rows = [boxField.numbers(example, seen)];
    expect([...fieldRows(boxField, seen, rows, 2)]).toEqual([
      0.25, 0.25, 0.25, 0.25, 1, 0, 0, 0, 0, 0,
    ]);
  });

  test('of another width are an error, not a shift', () => {
    const few = { ...example, parts: [] };
    expect(() => fieldRows(partsField, seen, [partsField.numbers(few, seen)])).toThrow(
      /^field 'parts': expected 9 numbers for each image, got 0\. /,
    );
  });
});
