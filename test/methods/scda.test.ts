// The method: what its recogniser returns, and that its heat accounts for the answer.

import { expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { hostTensor } from '../../src/core/tensor.ts';
import { max } from '../../src/graph/ops/reduce.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { scda } from '../../src/methods/scda.ts';
import { trainedAmong } from '../../src/methods/stage.ts';
import { IMAGE_INPUT, imageInput } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { noiseImage } from '../support/images.ts';
import { tinyContext } from '../support/method-context.ts';
import { runGraph } from '../support/run-graph.ts';

const SIZE = 64;

const contextOf = (options: object) => tinyContext(scda, options);

async function recognise(options: object) {
  const parameters = new Parameters();
  const found = scda.recogniser(contextOf(options), parameters.root(), imageInput(1, SIZE));
  const store: ParameterStore = new Map();
  initialise(parameters, store, 4);
  const image = hostTensor('uint8', [1, SIZE, SIZE, 3], noiseImage(SIZE, SIZE, 2).data);
  const { logits, embedding, map, finer } = found;
  const heat = found.heat!(sum(max(logits, [1])));
  const outputs = { logits, embedding, map, heat };
  const constants = (path: string) => store.get(path);
  const numbers = await runGraph(outputs, { [IMAGE_INPUT]: image }, { constants });
  return { numbers, heat, finer, store };
}

test('has one stage, on features, that trains the head alone', () => {
  const [stage, ...more] = trainedAmong(scda.stages(contextOf({})));
  expect(more).toEqual([]);
  expect(stage).toMatchObject({ name: 'head', source: 'features' });
  expect([stage.trains('head.weight'), stage.trains('backbone.conv1.weight')]).toEqual([
    true,
    false,
  ]);
});

test('options are checked', () => {
  expect(scda.options.parse({})).toEqual({ layers: 1, flip: false });
  expect(() => scda.options.parse({ layers: 3 })).toThrow();
  expect(() => scda.options.parse({ mirror: true })).toThrow();
});

test.each([
  [{}, 256],
  [{ layers: 2 }, 384],
  [{ flip: true }, 512],
  [{ layers: 2, flip: true }, 768],
])('%j: a descriptor of %i numbers, its halves of unit norm', async (options, length) => {
  const { numbers, finer } = await recognise(options);
  expect(numbers.embedding).toHaveLength(length);
  const channels = 128;
  for (const half of [0, 1]) {
    const part = numbers.embedding.slice(half * channels, (half + 1) * channels);
    expect(Math.hypot(...part)).toBeCloseTo(1, 5);
  }
  expect(finer?.shape[2]).toBe(8);
});

test('the heat adds up to the logit of the answer, and lies in the object', async () => {
  const { numbers, heat, store } = await recognise({});
  const best = Math.max(...numbers.logits);
  const total = numbers.heat.reduce((a, b) => a + b);
  expect(Math.abs(best)).toBeGreaterThan(1e-3);
  expect(total).toBeCloseTo(best, 4); // the bias starts at nought
  expect((store.get('head.bias')!.data as Float32Array).every((v) => v === 0)).toBe(true);
  const cells = sizeOf(heat.shape);
  const used = numbers.heat.filter((v) => v !== 0).length;
  expect(used).toBeGreaterThan(0);
  expect(used).toBeLessThan(cells);
});

test('a flipped image gets the two halves exchanged', async () => {
  const { numbers } = await recognise({ flip: true });
  const width = numbers.embedding.length / 2;
  const parameters = new Parameters();
  const image = imageInput(1, SIZE);
  const { embedding } = scda.recogniser(contextOf({ flip: true }), parameters.root(), image);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 4);
  const { data } = noiseImage(SIZE, SIZE, 2);
  const mirror = new Uint8Array(data.length);
  for (let p = 0; p < SIZE * SIZE; p++) {
    const q = p - (p % SIZE) + (SIZE - 1 - (p % SIZE));
    mirror.set(data.subarray(3 * q, 3 * q + 3), 3 * p);
  }
  const feeds = { [IMAGE_INPUT]: hostTensor('uint8', [1, SIZE, SIZE, 3], mirror) };
  const flipped = await runGraph({ embedding }, feeds, { constants: (path) => store.get(path) });
  expect(flipped.embedding.slice(width)).toBeAllClose(numbers.embedding.slice(0, width), {
    rtol: 1e-4,
    atol: 1e-5,
  });
});
