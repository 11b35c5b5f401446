import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boxIou, cellsToPixels, maskBox, scdaBox, scdaMask } from '../../src/recognise/scda.ts';

/** A map drawn as rows of digits. */
function map(...rows: string[]) {
  const data = Float32Array.from(rows.join(''), Number);
  return { width: rows[0].length, height: rows.length, data };
}

function drawn({ width, data }: { width: number; data: ArrayLike<number> }): string[] {
  const rows = Array.from(data).join('');
  return rows.match(new RegExp(`.{${width}}`, 'g')) ?? [];
}

describe('mask', () => {
  test('keeps the largest component, joined over corners', () => {
    const mask = scdaMask(map('90000', '00000', '00900', '00090', '00009'));
    expect(drawn(mask)).toEqual(['00000', '00000', '00100', '00010', '00001']);
    expect(mask.threshold).toBeCloseTo(36 / 25, 6);
    expect(mask.everything).toBe(false);
  });

  test('the first of equal components wins', () => {
    expect(drawn(scdaMask(map('9900099')))).toEqual(['1100000']);
  });

  test.each([0, 1, 0.1])('a map constantly %f is all object', (value) => {
    const mask = scdaMask({ width: 3, height: 3, data: new Float32Array(9).fill(value) });
    expect(mask.everything).toBe(true);
    expect(drawn(mask)).toEqual(['111', '111', '111']);
    expect(maskBox(mask)).toEqual([0, 0, 3, 3]);
  });

  test('is never empty, lies above the mean, and is one component', () => {
    const maps = fc
      .record({ width: fc.integer({ min: 1, max: 8 }), height: fc.integer({ min: 1, max: 8 }) })
      .chain(({ width, height }) =>
        fc.record({
          width: fc.constant(width),
          height: fc.constant(height),
          data: fc.array(fc.integer({ min: 0, max: 3 }), {
            minLength: width * height,
            maxLength: width * height,
          }),
        }),
      );
    fc.assert(
      fc.property(maps, (field) => {
        const mask = scdaMask(field);
        expect(mask.data.some((cell) => cell === 1)).toBe(true);
        if (mask.everything) return;
        mask.data.forEach((cell, i) => {
          if (cell === 1) expect(field.data[i]).toBeGreaterThan(mask.threshold);
        });
        // a second pass finds nothing to remove
        expect(scdaMask({ ...field, data: mask.data }).data).toEqual(mask.data);
      }),
    );
  });
});

describe('boxes', () => {
  const mask = map('0000', '0110', '0010', '0000');

  test('from cells to pixels of the source crop', () => {
    expect(maskBox(mask)).toEqual([1, 1, 2, 2]);
    expect(cellsToPixels([1, 1, 2, 2], mask, [100, 50, 40, 80])).toEqual([110, 70, 20, 40]);
    expect(scdaBox(mask, [100, 50, 40, 80])).toEqual([110, 70, 20, 40]);
  });

  test('IoU', () => {
    expect(boxIou([0, 0, 2, 2], [1, 1, 2, 2])).toBeCloseTo(1 / 7, 12);
    expect(boxIou([0, 0, 1, 1], [5, 5, 1, 1])).toBe(0);
    expect(boxIou([3, 4, 5, 6], [3, 4, 5, 6])).toBe(1);
    expect(boxIou([0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
  });
});
