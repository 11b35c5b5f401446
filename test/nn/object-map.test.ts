// The map that boxes are drawn from: a small bright thing is found where it is, from two maps.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { conv2d, samePads } from '../../src/graph/ops/conv.ts';
import { filled, input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import type { Value } from '../../src/graph/value.ts';
import { objectMap, placedLike } from '../../src/nn/object-map.ts';
import { scdaBox, scdaMask } from '../../src/recognise/scda.ts';
import { runGraph } from '../support/run-graph.ts';

const SIZE = 64;
const image = input('x', [1, 1, SIZE, SIZE]);

/** Sums over windows of three with TensorFlow's padding, which shifts the map. */
function halved(x: Value): Value {
  const pads = samePads([x.shape[2], x.shape[3]], [3, 3], [2, 2]);
  return conv2d(x, filled([1, 1, 3, 3], 1), undefined, { strides: 2, pads });
}
const fine = halved(halved(image)); // 16 x 16
const coarse = halved(fine); // 8 x 8

function photograph() {
  const data = new Float32Array(SIZE * SIZE);
  for (let y = 20; y < 36; y++) for (let x = 32; x < 52; x++) data[y * SIZE + x] = 1;
  return { x: float32([1, 1, SIZE, SIZE], data) };
}

async function boxOf(map: Value): Promise<readonly number[]> {
  const { y } = await runGraph({ y: map }, photograph());
  const [, height, width] = map.shape;
  return scdaBox(scdaMask({ width, height, data: y }), [0, 0, SIZE, SIZE]);
}

test('the box is where the object is, to a cell of the even grid', async () => {
  const map = objectMap({ map: coarse, finer: fine }, SIZE);
  expect([...map.shape]).toEqual([1, 16, 16]);
  const [x, y, w, h] = await boxOf(map);
  const edges = [32, 20, 52, 36];
  [x, y, x + w, y + h].forEach((edge, i) => {
    expect(Math.abs(edge - edges[i])).toBeLessThanOrEqual(4);
  });
});

test('without a finer map the last one stands alone, and a black image is no error', async () => {
  const alone = objectMap({ map: coarse }, SIZE);
  const [x, y, w, h] = await boxOf(alone);
  expect(x + w / 2).toBeGreaterThan(36);
  expect(x + w / 2).toBeLessThan(48);
  expect(y + h / 2).toBeGreaterThan(22);
  expect(y + h / 2).toBeLessThan(34);
  const black = { x: float32([1, 1, SIZE, SIZE], new Float32Array(SIZE * SIZE)) };
  const { y: nothing } = await runGraph(
    { y: objectMap({ map: coarse, finer: fine }, SIZE) },
    black,
  );
  expect(nothing).toEqual(new Array(256).fill(0));
});

test('a map of the same cells is placed alike', async () => {
  const heat = sum(coarse, [1]);
  const { a, b } = await runGraph(
    { a: placedLike(coarse, heat, SIZE), b: objectMap({ map: coarse }, SIZE) },
    photograph(),
  );
  const scale = Math.max(...a) / Math.max(...b);
  expect(a).toBeAllClose(
    b.map((v) => v * scale),
    { rtol: 1e-5, atol: 1e-5 },
  );
});
