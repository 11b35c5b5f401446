// The square around an object: of drawn masks by hand, and of a map with a bright patch.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { avgPool, globalAveragePool } from '../../src/graph/ops/pool.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import type { Features } from '../../src/nn/backbones/backbone.ts';
import { objectSquare, squareAround } from '../../src/nn/object-square.ts';
import { runGraph } from '../support/run-graph.ts';

async function around(...rows: string[]): Promise<number[]> {
  const mask = float32([1, 1, rows.length, rows[0].length], Array.from(rows.join(''), Number));
  const y = squareAround(input('mask', mask.shape));
  return (await runGraph({ y }, { mask })).y;
}

// 25 cells, columns 1 to 7 and rows 0 to 4 of 8. Half a cell, 2 % of them, may stick out: 1/2 of the
// one in column 1, 1/10 of the five in row 0. Columns 1.5 to 8 - 1/10 (five in column 7), rows 0.1 to
// 5 - 1/14 (seven in row 4): the half side is (7.9 - 1.5) / 16.
test('the smallest square around 98 % of the cells, within the image', async () => {
  const square = await around(
    '00011111',
    '00000111',
    '00001111',
    '00111111',
    '01111111',
    ...new Array<string>(3).fill('00000000'),
  );
  const half = (7.9 - 1.5) / 16;
  expect(square).toBeAllClose([(7.9 + 1.5) / 16, half, half], { atol: 1e-6 });
});

test('a small object in a corner: half side a quarter, and the square stays in the image', async () => {
  const square = await around('0001', '0000', '0000', '0000');
  expect(square).toBeAllClose([0.75, 0.25, 0.25], { atol: 1e-6 });
});

test('all cells: the image but for 2 % on each side; none: all of it', async () => {
  expect(await around('11', '11')).toBeAllClose([0.5, 0.5, 0.48], { atol: 1e-6 });
  expect(await around('00', '00')).toBeAllClose([0.5, 0.5, 0.5], { atol: 1e-6 });
});

const SIZE = 64;

/** Features whose one map is the brightness of cells of 4 pixels, evenly over the image. */
function brightness() {
  const image = input('image', [2, 1, SIZE, SIZE]);
  const map = avgPool(image, { kernel: 4, strides: 4 });
  const levels = [{ name: 'map', value: map, stride: 4 }];
  const features: Features = { levels, map, pooled: globalAveragePool(map) };
  return { image, features };
}

test('a bright patch is found, in each image by itself; a flat image is looked at as a whole', async () => {
  const { image, features } = brightness();
  const pixels = new Float32Array(2 * SIZE * SIZE);
  for (let y = 32; y < 48; y++) for (let x = 0; x < 32; x++) pixels[y * SIZE + x] = 1;
  pixels.fill(0.5, SIZE * SIZE);
  const square = objectSquare(features, SIZE);
  const [gradient] = gradients(sum(square), [image]);
  const found = await runGraph({ square, gradient }, { image: float32(image.shape, pixels) });
  expect(found.square.slice(0, 3)).toBeAllClose([0.25, 0.625, 0.25], { atol: 1e-6 });
  expect(found.square.slice(3)).toBeAllClose([0.5, 0.5, 0.48], { atol: 1e-6 });
  expect(found.gradient.every((g) => g === 0)).toBe(true);
});
