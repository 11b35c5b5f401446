// The differentiable zoom against plain bilinear sampling, the antialiased resize, and by hand.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { reshape } from '../../src/graph/ops/movement.ts';
import { mean } from '../../src/graph/ops/reduce.ts';
import { resizeBilinear } from '../../src/graph/ops/resize.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import { boxesOf, fixedSquare, layBack, within, zoom } from '../../src/nn/zoom.ts';
import { runGraph } from '../support/run-graph.ts';

function randomImage(shape: readonly number[]) {
  const r = randomStream(1, 'zoom');
  return float32(
    shape,
    Array.from({ length: sizeOf(shape) }, () => r.uniform(0, 1)),
  );
}

/** What is at (x, y) of a plane of `side`, pixel centres at whole numbers, the border repeated. */
function sample(plane: ArrayLike<number>, side: number, x: number, y: number): number {
  const inside = (v: number) => Math.min(Math.max(v, 0), side - 1);
  const [cx, cy] = [inside(x), inside(y)];
  const [x0, y0] = [Math.floor(cx), Math.floor(cy)];
  const [fx, fy] = [cx - x0, cy - y0];
  const at = (i: number, j: number) => plane[inside(j) * side + inside(i)];
  const row = (j: number) => (1 - fx) * at(x0, j) + fx * at(x0 + 1, j);
  return (1 - fy) * row(y0) + fy * row(y0 + 1);
}

async function zoomed(image: ReturnType<typeof randomImage>, squares: number[][], size: number) {
  const [n] = image.shape;
  const y = zoom(input('image', image.shape), input('squares', [n, 3]), size);
  return (await runGraph({ y }, { image, squares: float32([n, 3], squares.flat()) })).y;
}

test('enlarging, it is bilinear interpolation', async () => {
  const [n, c, side, size] = [2, 3, 9, 12];
  const image = randomImage([n, c, side, side]);
  const squares = [
    [0.5, 0.4, 0.27],
    [0.63, 0.37, 0.37], // at two borders
  ];
  const expected: number[] = [];
  for (const [k, [tx, ty, half]] of squares.entries())
    for (let channel = 0; channel < c; channel++)
      for (let j = 0; j < size; j++)
        for (let i = 0; i < size; i++) {
          const first = (k * c + channel) * side * side;
          const plane = image.data.subarray(first, first + side * side);
          const at = (t: number, at: number) =>
            side * (t - half + (2 * half * (at + 0.5)) / size) - 0.5;
          expected.push(sample(plane, side, at(tx, i), at(ty, j)));
        }
  expect(await zoomed(image, squares, size)).toBeAllClose(expected, { rtol: 1e-5, atol: 1e-6 });
});

test('the whole image at its own size is the image', async () => {
  const image = randomImage([1, 3, 8, 8]);
  expect(await zoomed(image, [[0.5, 0.5, 0.5]], 8)).toBeAllClose(image.data, { atol: 1e-6 });
});

test('shrinking, it antialiases as the resize does', async () => {
  const image = randomImage([1, 2, 20, 20]);
  const y = resizeBilinear(input('image', image.shape), 7, 7, { antialias: true });
  const { y: expected } = await runGraph({ y }, { image });
  expect(await zoomed(image, [[0.5, 0.5, 0.5]], 7)).toBeAllClose(expected, { atol: 1e-6 });
});

// over a ramp a in x the mean of the zoomed image is a (S tx - 1/2): d/dtx = a S, d/dty = 0, d/dtl = 0
test('over a ramp, the gradient in the square is its slope', () => {
  const [side, slope] = [16, 0.25];
  const ramp = Array.from({ length: side * side }, (_, i) => slope * (i % side));
  const square = input('square', [1, 3]);
  const level = mean(zoom(input('image', [1, 1, side, side]), square, 16));
  const feeds = { image: ramp, square: [0.48, 0.55, 0.31] };
  const [value, gradient] = evaluate([level, ...gradients(level, [square])], feeds);
  expect(value.data).toBeAllClose([slope * (side * 0.48 - 0.5)], { rtol: 1e-9 });
  expect(gradient.data).toBeAllClose([slope * side, 0, 0], { atol: 1e-9 });
});

test('where pixels are hit exactly, at the kinks of all hats, the gradient is defined', async () => {
  const square = input('square', [1, 3]);
  const image = randomImage([1, 1, 8, 8]);
  const level = mean(zoom(input('image', image.shape), square, 8));
  const [gradient] = gradients(level, [square]);
  const feeds = { image, square: float32([1, 3], [0.5, 0.5, 0.5]) };
  const { gradient: found } = await runGraph({ gradient }, feeds);
  expect(found.every(Number.isFinite)).toBe(true);
});

test('a square within a square, and their boxes', async () => {
  const [outer, inner] = [input('outer', [2, 3]), input('inner', [2, 3])];
  const boxes = boxesOf([outer, within(outer, inner)]);
  const feeds = {
    // the middle of the right upper quarter; and all of a square is that square
    outer: float32([2, 3], [0.75, 0.25, 0.25, 0.4, 0.6, 0.3]),
    inner: float32([2, 3], [0.25, 0.75, 0.25, 0.5, 0.5, 0.5]),
  };
  const { boxes: found } = await runGraph({ boxes }, feeds);
  expect(found).toBeAllClose(
    [
      [0.5, 0, 0.5, 0.5],
      [0.5, 0.25, 0.25, 0.25],
      [0.1, 0.3, 0.6, 0.6],
      [0.1, 0.3, 0.6, 0.6],
    ].flat(),
    { atol: 1e-6 },
  );
});

test('zooming into a zoomed image is zooming into the image where it was', async () => {
  const image = randomImage([1, 1, 12, 12]);
  const [outer, inner] = [fixedSquare(1, 0.5), fixedSquare(1, 0.25, 0.4)];
  const twice = zoom(zoom(input('image', image.shape), outer, 12), inner, 6);
  const once = zoom(input('image', image.shape), within(outer, inner), 6);
  const found = await runGraph({ twice, once }, { image });
  expect(found.twice).toBeAllClose(found.once, { atol: 1e-5 });
});

test('laid back, a square lies where it was, and all else is zero', async () => {
  // from a quarter of cell 1 on, and half of cell 4
  const squares = [0.625, 0.625, 0.34375, 0.3125, 0.5, 0.25];
  const y = layBack(input('map', [2, 8, 8]), input('squares', [2, 3]), 8);
  const map = float32([2, 8, 8], new Array(128).fill(1));
  const run = await runGraph({ y }, { map, squares: float32([2, 3], squares) });
  const outer = (rows: number[], columns: number[]) =>
    rows.flatMap((row) => columns.map((column) => row * column));
  const both = [0, 0, 0.75, 1, 1, 1, 1, 0.75];
  expect(run.y.slice(0, 64)).toBeAllClose(outer(both, both), { atol: 1e-5 });
  const rows = [0, 0, 1, 1, 1, 1, 0, 0];
  const columns = [0.5, 1, 1, 1, 0.5, 0, 0, 0];
  expect(run.y.slice(64)).toBeAllClose(outer(rows, columns), { atol: 1e-5 });
});

test('zoomed and laid back, a smooth map is what it was', async () => {
  const side = 32;
  const wave = (at: number) => Math.sin((at / side) * 3);
  const map = float32(
    [1, 1, side, side],
    Array.from({ length: side * side }, (_, at) => wave(at % side) * wave(Math.floor(at / side))),
  );
  const [x, square] = [input('map', map.shape), fixedSquare(1, 0.3, 0.45)];
  const closer = reshape(zoom(x, square, side), [1, side, side]);
  const run = await runGraph({ y: layBack(closer, square, side) }, { map });
  const middle = (at: number) => at >= 8 && at < 20;
  const inner = [...map.data.keys()].filter(
    (i) => middle(i % side) && middle(Math.floor(i / side)),
  );
  expect(inner.map((i) => run.y[i])).toBeAllClose(
    inner.map((i) => map.data[i]),
    { atol: 0.01 },
  );
});
