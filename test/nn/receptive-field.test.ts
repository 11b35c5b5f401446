// Where cells lie, against what a cell really sees: the centre of its gradient.
import { describe, expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { conv2d, samePads } from '../../src/graph/ops/conv.ts';
import { filled, input } from '../../src/graph/ops/leaf.ts';
import { transpose } from '../../src/graph/ops/movement.ts';
import { avgPool } from '../../src/graph/ops/pool.ts';
import { slice } from '../../src/graph/ops/slice.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { relu } from '../../src/graph/ops/unary.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { backbones, findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { alignToImage, cellGrid, turnBack } from '../../src/nn/receptive-field.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { runGraph } from '../support/run-graph.ts';

interface Layer {
  kernel: number;
  stride: number;
  pads: (size: number) => number | readonly [number, number, number, number];
  dilation?: number;
  pool?: boolean;
}
const torch = (pad: number) => () => pad;
const same = (kernel: number, stride: number) => (size: number) =>
  samePads([size, size], [kernel, kernel], [stride, stride]);
const STACKS: [string, Layer[]][] = [
  [
    'strides with even padding',
    [
      { kernel: 7, stride: 2, pads: torch(3) },
      { kernel: 3, stride: 2, pads: torch(1) },
    ],
  ],
  [
    'strides with padding at the bottom right',
    [
      { kernel: 3, stride: 2, pads: same(3, 2) },
      { kernel: 3, stride: 1, pads: same(3, 1) },
      { kernel: 3, stride: 2, pads: same(3, 2) },
    ],
  ],
  [
    'pooling and dilation',
    [
      { kernel: 3, stride: 1, pads: torch(1) },
      { kernel: 2, stride: 2, pads: torch(0), pool: true },
      { kernel: 3, stride: 1, pads: torch(2), dilation: 2 },
    ],
  ],
  ['no padding', [{ kernel: 5, stride: 3, pads: torch(0) }]],
];

function build(image: Value, layers: readonly Layer[]): Value {
  return layers.reduce((x, { kernel, stride, pads, dilation = 1, pool }) => {
    const how = { strides: stride, pads: pads(x.shape[2]) };
    if (pool) return avgPool(x, { kernel, ...how });
    const weight = filled([1, 1, kernel, kernel], 1);
    return relu(conv2d(x, weight, undefined, { ...how, dilations: dilation }));
  }, image);
}

test.each(STACKS)('%s: the grid is where the gradient has its centre', (_, layers) => {
  const size = 40;
  const map = build(input('x', [1, 1, size, size]), layers);
  const cell = Math.floor(map.shape[2] / 2); // far from the border
  const one = slice(slice(map, 2, cell, cell + 1), 3, cell, cell + 1);
  const x = map;
  const leaf = leafOf(x);
  const [g] = gradients(sum(one), [leaf]);
  const [{ data }] = evaluate([g], { x: new Float32Array(size * size).fill(1) });
  let [mass, centre] = [0, 0];
  data.forEach((v, p) => {
    mass += v;
    centre += v * (Math.floor(p / size) + 0.5);
  });
  const [rows, columns] = cellGrid(map, size);
  expect(rows).toEqual(columns);
  expect(rows.origin + cell * rows.stride).toBeCloseTo(centre / mass, 6);
});

function leafOf(value: Value): Value {
  return value.node.inputs.length === 0 ? value : leafOf(value.node.inputs[0]);
}

describe('networks', () => {
  test.each([
    ['same', 31.5],
    ['torch', 0.5],
  ] as const)('MobileNetV2 with %s padding: the first cell is centred at %d', (padding, origin) => {
    const parameters = new Parameters();
    const pixels = normaliseImage(imageInput(1, 224), { mean: [0, 0, 0], std: [1, 1, 1] });
    const how = { norms: 'frozen', padding } as const;
    const { map } = findBackbone('mobilenet_v2').features(parameters.root(), pixels, how);
    expect(cellGrid(map, 224)).toEqual([
      { origin, stride: 32 },
      { origin, stride: 32 },
    ]);
  });

  test.each(backbones.map((b) => [b.name, b] as const))('%s: every stage is found', (_, b) => {
    const parameters = new Parameters();
    const pixels = normaliseImage(imageInput(1, 96), { mean: [0, 0, 0], std: [1, 1, 1] });
    const how = { norms: 'frozen', padding: 'torch', pooling: 'average' } as const;
    for (const { value, stride } of b.features(parameters.root(), pixels, how).levels) {
      const [rows] = cellGrid(value, 96);
      expect(rows.stride).toBe(stride);
      expect(Math.abs(rows.origin)).toBeLessThanOrEqual(2 * stride);
    }
  });
});

test('what a foreign network made of the image lies evenly over it', () => {
  const tokens = transpose(input('tokens', [1, 7, 7, 8]), [0, 3, 1, 2]);
  expect(cellGrid(relu(tokens), 224)[0]).toEqual({ origin: 16, stride: 32 });
});

test('alignment puts a cell where it was seen, and keeps an even grid as it is', async () => {
  const x = float32([1, 1, 2, 2], [1, 2, 3, 4]);
  const even = { origin: 2, stride: 4 };
  const late = { origin: 4, stride: 4 };
  const value = input('x', x.shape);
  const { a, b } = await runGraph(
    { a: alignToImage(value, [even, even], 8, 2), b: alignToImage(value, [late, even], 8, 2) },
    { x },
  );
  expect(a).toEqual([1, 2, 3, 4]);
  expect(b).toEqual([1, 2, 2, 3]); // rows at 2 and 6 pixels: before the first cell, half way
});

test('a cut moves the grid by what is left out', () => {
  const image = input('x', [1, 1, 32, 32]);
  const map = build(image, STACKS[0][1]);
  const [rows, columns] = cellGrid(map, 32);
  const [cutRows, cutColumns] = cellGrid(slice(slice(map, 2, 1, 7), 3, 0, 7), 32);
  expect(cutRows).toEqual({ ...rows, origin: rows.origin + rows.stride });
  expect(cutColumns).toEqual(columns);
});

test('what the mirror image shows is given to the cells that lie there', async () => {
  // cells at 0.5, 4.5, 8.5, 12.5 of 16 pixels; in the mirror image at 15.5, 11.5, 7.5, 3.5
  const grid = [
    { origin: 0.5, stride: 4 },
    { origin: 0.5, stride: 4 },
  ] as const;
  const cells = input('cells', [1, 1, 4]);
  const { turned } = await runGraph(
    { turned: turnBack(cells, grid, 16) },
    { cells: float32([1, 1, 4], [1, 10, 100, 1000]) },
  );
  // 3.5 is a quarter of the way back from 4.5 to 0.5; what lies beyond the last cell is its own
  expect(turned).toBeAllClose([250, 750 + 25, 75 + 2.5, 7.5 + 1]);
});
