// SCDA within the graph against plain loops: masks by flood fill, descriptors by their definition.
import { describe, expect, test } from 'vitest';
import { type RandomStream, randomStream } from '../../src/core/random.ts';
import { float32, hostTensor } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import type { Features } from '../../src/nn/backbones/backbone.ts';
import {
  aboveMean,
  aggregationMap,
  finerMask,
  largestComponent,
  mirrored,
  objectMask,
  scdaDescriptor,
} from '../../src/nn/scda.ts';
import { scdaMask } from '../../src/recognise/scda.ts';
import { runGraph } from '../support/run-graph.ts';

/** The largest component of a drawing, as rows of digits. */
async function componentOf(...rows: string[]): Promise<string[]> {
  const [h, w] = [rows.length, rows[0].length];
  const mask = float32([1, 1, h, w], Array.from(rows.join(''), Number));
  const y = largestComponent(input('mask', mask.shape));
  const { y: out } = await runGraph({ y }, { mask });
  return rows.map((_, r) => out.slice(r * w, (r + 1) * w).join(''));
}

/** One long line of cells, a cell away from itself: the worst case for labels that travel. */
function spiral(side: number): string[] {
  const grid = Array.from({ length: side }, () => new Array<number>(side).fill(0));
  const free = (x: number, y: number) => (grid[y]?.[x] ?? 0) === 0;
  let [x, y, dx, dy] = [0, 0, 1, 0];
  grid[0][0] = 1;
  for (let turns = 0; turns < 2; ) {
    const [nx, ny] = [x + dx, y + dy];
    const inside = nx >= 0 && ny >= 0 && nx < side && ny < side;
    if (inside && free(nx + dx, ny + dy) && free(nx, ny)) {
      [x, y] = [nx, ny];
      grid[y][x] = 1;
      turns = 0;
    } else {
      [dx, dy] = [-dy, dx];
      turns++;
    }
  }
  return grid.map((row) => row.join(''));
}

describe('largest component', () => {
  test('joins over corners, and of equals takes the first', async () => {
    expect(await componentOf('10000', '00000', '00100', '00010', '00001')).toEqual([
      '00000',
      '00000',
      '00100',
      '00010',
      '00001',
    ]);
    expect(await componentOf('1100011')).toEqual(['1100000']);
    expect(await componentOf('000', '000')).toEqual(['000', '000']);
  });

  test.each([5, 7, 8, 13, 14])(
    'a spiral of side %i stays whole, forwards and backwards',
    async (side) => {
      const shape = spiral(side);
      expect(shape.join('').split('1').length - 1).toBeGreaterThan(side * 2);
      const backwards = shape.map((row) => [...row].reverse().join('')).reverse();
      expect(await componentOf(...shape)).toEqual(shape);
      expect(await componentOf(...backwards)).toEqual(backwards);
    },
  );

  test('zigzags of diagonal steps stay whole', async () => {
    const turn = ['0000001', '0101010', '1010101', '1000000'];
    const rows = ['1010101', '0101010', ...turn, '0101010', '0010101'];
    expect(await componentOf(...rows)).toEqual(rows);
  });
});

function randomMap(r: RandomStream, [n, c, h, w]: readonly number[], top = 6) {
  const values = Array.from({ length: n * c * h * w }, () => Math.max(0, r.integer(top + 2) - 2));
  return float32([n, c, h, w], values);
}

/** Rows and columns of one image's channel. */
type Cells = { width: number; height: number; data: number[] };

/** sum_c max(S_c, 0) of image i. */
function aggregated(
  { shape, data }: { shape: readonly number[]; data: Float32Array },
  i: number,
): Cells {
  const [, c, height, width] = shape;
  const cells = height * width;
  const sums = Array.from({ length: cells }, (_, p) => {
    let total = 0;
    for (let k = 0; k < c; k++) total += Math.max(0, data[(i * c + k) * cells + p]);
    return total;
  });
  return { width, height, data: sums };
}

/** [avg / |avg| ; max / |max|] under a mask, by the definition. */
function selected(
  { shape, data }: { shape: readonly number[]; data: Float32Array },
  i: number,
  mask: ArrayLike<number>,
): number[] {
  const [, c, h, w] = shape;
  const channel = (k: number) =>
    Array.from(data.subarray((i * c + k) * h * w, (i * c + k + 1) * h * w)).filter(
      (_, p) => mask[p] > 0,
    );
  const unit = (v: number[]) => v.map((x) => x / (Math.hypot(...v) || 1));
  const channels = Array.from({ length: c }, (_, k) => channel(k));
  const average = channels.map((v) => v.reduce((a, b) => a + b) / v.length);
  return [...unit(average), ...unit(channels.map((v) => Math.max(...v)))];
}

describe('random maps', () => {
  const SIZES = [
    [2, 3, 1, 1],
    [3, 2, 4, 5],
    [2, 4, 7, 7],
    [1, 2, 14, 14],
    [2, 1, 9, 3],
  ];

  test('the mask is that of a flood fill', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const r = randomStream(seed, 'scda-mask');
      const map = randomMap(r, SIZES[seed % SIZES.length]);
      const { y } = await runGraph({ y: objectMask(input('map', map.shape)) }, { map });
      const expected = Array.from({ length: map.shape[0] }, (_, i) => [
        ...scdaMask(aggregated(map, i)).data,
      ]);
      expect(y, `seed ${seed}`).toEqual(expected.flat());
    }
  });

  test('a constant map is all object, one image beside another that is not', async () => {
    const map = float32([3, 1, 2, 2], [0.1, 0.1, 0.1, 0.1, 0, 0, 0, 0, 0, 9, 0, 0]);
    const { y } = await runGraph({ y: objectMask(input('map', map.shape)) }, { map });
    expect(y).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0]);
  });

  test('negative numbers of a linear map count as nothing', async () => {
    const map = float32([1, 2, 1, 3], [1, -5, 2, 0, 9, -1]);
    const a = aggregationMap(input('map', map.shape));
    const { sum, mask } = await runGraph({ sum: a, mask: aboveMean(a) }, { map });
    expect(sum).toEqual([1, 9, 2]);
    expect(mask).toEqual([0, 1, 0]);
  });

  test.each([1, 2] as const)(
    'descriptors of %i layers are those of the definition',
    async (layers) => {
      for (let seed = 0; seed < 20; seed++) {
        const r = randomStream(seed, 'scda-descriptor');
        const [h, w] = [2 + r.integer(6), 2 + r.integer(6)];
        const map = randomMap(r, [2, 5, h, w]);
        const finer = randomMap(r, [2, 3, 2 * h, 2 * w]);
        const features = featuresOf(map.shape, finer.shape);
        const { y } = await runGraph(
          { y: scdaDescriptor(features, { layers }).descriptor },
          layers === 1 ? { map } : { map, finer },
        );
        const expected = [0, 1].flatMap((i) => {
          const mask = scdaMask(aggregated(map, i)).data;
          const first = selected(map, i, mask);
          if (layers === 1) return first;
          const second = selected(finer, i, finerReference(aggregated(finer, i), mask, w));
          return [...first, ...second.map((v) => 0.5 * v)];
        });
        expect(y).toBeAllClose(expected, { rtol: 1e-5, atol: 1e-6 });
      }
    },
  );
});

function featuresOf(map: readonly number[], finer: readonly number[]): Features {
  const [last, inner] = [input('map', map), input('finer', finer)];
  return {
    levels: [
      { name: 'inner', value: inner, stride: 16 },
      { name: 'last', value: last, stride: 32 },
    ],
    map: last,
    pooled: last,
  };
}

/** Cells of a map twice as fine above its mean and within the mask; the mask where there is none. */
function finerReference({ width, data }: Cells, mask: ArrayLike<number>, w: number): number[] {
  const mean = data.reduce((a, b) => a + b) / data.length;
  const within = data.map((_, p) => mask[((p / width / 2) | 0) * w + ((p % width) >> 1)]);
  const constant = data.every((v) => v <= mean);
  const both = data.map((v, p) => Number((constant || v > mean) && within[p] === 1));
  return both.includes(1) ? both : within;
}

test('where two layers exclude each other, the last one decides', async () => {
  const finer = float32([1, 1, 2, 2], [9, 0, 0, 0]);
  const mask = float32([1, 1, 2, 2], [0, 0, 0, 1]);
  const y = finerMask(input('finer', finer.shape), input('mask', mask.shape));
  expect((await runGraph({ y }, { finer, mask })).y).toEqual([0, 0, 0, 1]);
});

test('a mirror image', async () => {
  const image = hostTensor('uint8', [1, 2, 3, 1], Uint8Array.of(1, 2, 3, 4, 5, 6));
  const { y } = await runGraph({ y: mirrored(input('image', image.shape, 'uint8')) }, { image });
  expect(y).toEqual([3, 2, 1, 6, 5, 4]);
});
