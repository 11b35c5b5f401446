import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RawImage } from '../../src/core/raw-image.ts';
import {
  AGAINST,
  FOR,
  overlayDifference,
  overlayHeatMap,
  overlayMask,
  plainImage,
  sideBySide,
  stacked,
  strokeBox,
} from '../../src/data/image/draw.ts';
import { colourOf, normaliseMap, spreadMap } from '../../src/data/image/heat-map.ts';

const grey = plainImage(8, 6, [100, 100, 100]);

/** The picture as rows of letters: `.` where it is grey, `#` where it was drawn on. */
function drawn({ width, height, data }: RawImage, colour = [100, 100, 100]): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      colour.every((c, i) => data[(y * width + x) * 3 + i] === c) ? '.' : '#',
    ).join(''),
  );
}

describe('maps', () => {
  test('bilinear with centres at +0.5: 2 cells over 4 pixels', () => {
    const map = { width: 2, height: 1, data: [0, 1] };
    expect(spreadMap(map, [0, 0, 4, 1], { width: 4, height: 1 })).toBeAllClose([0, 0.25, 0.75, 1]);
  });

  test('covers exactly the pixels of its region', () => {
    const out = spreadMap({ width: 1, height: 1, data: [5] }, [1, 1, 2, 1], {
      width: 4,
      height: 3,
    });
    expect(Array.from(out, (v) => (Number.isNaN(v) ? '.' : v)).join('')).toBe('.....55.....');
  });

  test('never leaves the range of its cells, wherever the region lies', () => {
    const cells = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 6, maxLength: 6 });
    const at = fc.double({ min: -10, max: 10, noNaN: true });
    const size = fc.double({ min: 0.5, max: 20, noNaN: true });
    fc.assert(
      fc.property(cells, at, at, size, size, (data, x, y, w, h) => {
        const out = spreadMap({ width: 3, height: 2, data }, [x, y, w, h], { width: 7, height: 5 });
        for (const value of out) {
          if (Number.isNaN(value)) continue;
          expect(value).toBeGreaterThanOrEqual(Math.min(...data) - 1e-5);
          expect(value).toBeLessThanOrEqual(Math.max(...data) + 1e-5);
        }
      }),
    );
  });

  test('normalises, and colours run from dark to light', () => {
    expect(normaliseMap({ width: 3, height: 1, data: [-1, 0, 3] }).data).toBeAllClose([0, 0.25, 1]);
    expect(normaliseMap({ width: 2, height: 1, data: [4, 4] }).data).toBeAllClose([0, 0]);
    for (const name of ['viridis', 'inferno'] as const) {
      const light = Array.from({ length: 50 }, (_, i) => {
        const [r, g, b] = colourOf(i / 49, name);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      });
      expect(light).toEqual([...light].sort((a, b) => a - b));
    }
    expect(colourOf(7)).toEqual([252, 255, 164]);
  });
});

describe('overlays', () => {
  test('heat changes the hot cells of the region only, and not its input', () => {
    const before = Uint8Array.from(grey.data);
    const out = overlayHeatMap(grey, { width: 2, height: 1, data: [0, 1] }, [2, 1, 4, 4]);
    expect(drawn(out)).toEqual([
      '........',
      '...###..',
      '...###..',
      '...###..',
      '...###..',
      '........',
    ]);
    expect(grey.data).toEqual(before);
    const flat = overlayHeatMap(grey, { width: 1, height: 1, data: [3] }, [0, 0, 8, 6]);
    expect(flat.data).toEqual(before);
  });

  test('a mask darkens what is outside it and outlines what is inside', () => {
    const mask = { width: 2, height: 1, data: [0, 1] };
    const dimmed = overlayMask(grey, mask, [0, 0, 8, 6], { thickness: 0, dim: 0.5 });
    expect(drawn(dimmed)[0]).toBe('####....');
    expect(drawn(overlayMask(grey, mask, [0, 0, 8, 6], { thickness: 1, dim: 0 }))[3]).toBe(
      '....#...',
    );
  });

  test('a box is drawn inwards from its border', () => {
    const out = strokeBox(grey, [1, 1, 5, 4], { colour: [255, 0, 0], thickness: 1 });
    const red = drawn(out, [255, 0, 0]).map((row) =>
      row.replace(/[.#]/g, (c) => (c === '.' ? 'R' : ' ')),
    );
    expect(red).toEqual(['        ', ' RRRRR  ', ' R   R  ', ' R   R  ', ' RRRRR  ', '        ']);
  });

  test('a box beyond the picture is drawn at its edge', () => {
    const out = strokeBox(grey, [-50, -50, 500, 500], { colour: [255, 0, 0], thickness: 1 });
    expect(drawn(out, [255, 0, 0])[0]).toBe('........');
    expect(drawn(out, [255, 0, 0])[2]).toBe('.######.');
  });
});

describe('layout', () => {
  const a = plainImage(2, 1, [1, 1, 1]);
  const b = plainImage(1, 3, [2, 2, 2]);
  const reds = ({ width, height, data }: RawImage): string[] =>
    Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => data[(y * width + x) * 3]).join(''),
    );

  test('side by side and stacked', () => {
    const options = { gap: 1, background: [0, 0, 0] as const };
    expect(reds(sideBySide([a, b], options))).toEqual(['0002', '1102', '0002']);
    expect(reds(stacked([a, b], options))).toEqual(['11', '00', '20', '20', '20']);
    expect(reds(stacked([a], { margin: 1, background: [0, 0, 0] }))).toEqual([
      '0000',
      '0110',
      '0000',
    ]);
  });
});

describe('differences', () => {
  test('one colour above zero, another below, in proportion to the largest size', () => {
    const map = { width: 4, height: 1, data: [4, 2, 0.1, -4] };
    const white = plainImage(4, 1, [255, 255, 255]);
    const { data } = overlayDifference(white, map, [0, 0, 4, 1], { opacity: 1 });
    const pixel = (x: number) => Array.from(data.subarray(3 * x, 3 * x + 3));
    expect(pixel(0)).toEqual([...FOR]);
    expect(pixel(1)).toEqual(FOR.map((c) => Math.round((255 + c) / 2)));
    expect(pixel(2)).toEqual([255, 255, 255]);
    expect(pixel(3)).toEqual([...AGAINST]);
  });

  test('a map of zeros draws nothing', () => {
    const map = { width: 1, height: 1, data: [0] };
    expect(overlayDifference(grey, map, [0, 0, 8, 6]).data).toEqual(grey.data);
  });
});
