// Steps on a small network: several passes make the step of the whole batch, statistics follow each
// pass, and averages follow the weights.

import { describe, expect, test } from 'vitest';
import type { Shape } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import type { Lowering } from '../../src/graph/lowered.ts';
import { dropout } from '../../src/graph/ops/compare.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { reshape } from '../../src/graph/ops/movement.ts';
import { globalAveragePool } from '../../src/graph/ops/pool.ts';
import { relu } from '../../src/graph/ops/unary.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { convNorm, linear, type NormMode } from '../../src/nn/layers.ts';
import { classEntropy } from '../../src/nn/losses.ts';
import type { OptimiserOptions } from '../../src/nn/optimisers.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import { targetsOf, uniformNumbers } from '../../src/train/batches.ts';
import { Stepper, type Uniform } from '../../src/train/stepper.ts';
import { uniformTensor } from '../support/golden.ts';

const BATCH = 8;
const CLASSES = 3;
const STEPS = 4;
const IMAGE = [BATCH, 2, 5, 5];

interface Setting {
  readonly passes: number;
  readonly norms?: NormMode;
  readonly optimiser?: OptimiserOptions;
  readonly clip?: number;
  readonly ema?: number;
  readonly lowering?: Lowering;
}

const sgd: OptimiserOptions = { kind: 'sgd', momentum: 0.9, nesterov: true };
const adamw: OptimiserOptions = { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Convolution, norm, dropout, classifier: everything that a step may have to do with. */
function network(norms: NormMode, images: number) {
  const parameters = new Parameters();
  const scope = parameters.root();
  const uniforms: Uniform[] = [{ name: 'dropout', shape: [images, 4] }];
  const x = input('input', [images, ...IMAGE.slice(1)]);
  const build = { norms, padding: 'torch' } as const;
  const stem = convNorm(scope, x, { channels: 4, kernel: 3, names: ['conv', 'norm'] }, build);
  // 24 channels: one and a half blocks
  const block = scope.child('block');
  const wide = relu(
    convNorm(block, relu(stem), { channels: 24, kernel: 1, names: ['0', '1'] }, build),
  );
  const depthwise = { channels: 24, kernel: 3, groups: 24, names: ['2', '3'] } as const;
  const deep = relu(convNorm(block, wide, depthwise, build));
  const map = convNorm(block, deep, { channels: 4, kernel: 1, names: ['4', '5'] }, build);
  const pooled = reshape(globalAveragePool(relu(map)), [images, 4]);
  const kept = dropout(pooled, input('dropout', [images, 4]), 0.3);
  const logits = linear(scope.child('head'), kept, CLASSES);
  const settings = { smoothing: 0.1, mixup: 0, cutmix: 0 };
  const { targets } = stageBatch({ source: 'features', settings }, [images]);
  return { loss: classEntropy(logits, targets), parameters, uniforms };
}

async function open(setting: Setting) {
  const { passes, norms = 'frozen', optimiser = sgd, clip, ema, lowering } = setting;
  const { loss, parameters, uniforms } = network(norms, BATCH / passes);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 3);
  const group = () => ({ rateFactor: 1, decay: 0.01 });
  const graph = { loss, parameters, store, optimiser, group, clip, ema, lowering };
  const stepper = await Stepper.open({ graph, passes, uniforms, threads: 1 }, (name) =>
    store.get(name),
  );
  return { stepper, store };
}

const draw = (step: number) => (name: string, shape: Shape) =>
  uniformNumbers(1, 'test', step, name, shape);

function feeds(step: number) {
  const labels = Array.from({ length: BATCH }, (_, i) => (i + step) % CLASSES);
  return {
    input: float32(IMAGE, uniformTensor(`stepper/image${step}`, IMAGE)),
    fields: targetsOf(labels),
    rate: 0.1 / step,
    number: step,
    progress: 0,
    draw: draw(step),
  };
}

/** Losses, norms and numbers after some steps, and what the numbers were after each. */
async function train(setting: Setting) {
  const { stepper, store } = await open(setting);
  const results: { loss: number; gradientNorm: number }[] = [];
  const seen: Map<string, HostTensor>[] = [];
  for (let step = 1; step <= STEPS; step++) {
    results.push(await stepper.step(feeds(step)));
    const { parameters, optimiser } = await stepper.read();
    seen.push(new Map([...parameters, ...optimiser]));
  }
  await stepper.close();
  return { results, seen, store };
}

const dataOf = (tensor: HostTensor | undefined) => tensor?.data as Float32Array;

const block = await blockedLanes();

describe.skipIf(block === undefined)('the blocked lowering leads to the same numbers', () => {
  test.each<[string, Setting]>([
    ['frozen norms, clipped', { passes: 1, clip: 0.05 }],
    ['norms that follow the batch', { passes: 1, norms: 'batch' }],
    ['AdamW, averaged', { passes: 1, optimiser: adamw, ema: 0.9 }],
    ['2 passes', { passes: 2, norms: 'batch', clip: 1, ema: 0.9 }],
  ])('%s', async (_, setting) => {
    const portable = await train(setting);
    const blocked = await train({ ...setting, lowering: { block: block! } });
    const losses = portable.results.map(({ loss }) => loss);
    expect(blocked.results.map(({ loss }) => loss)).toBeAllClose(losses, { rtol: 1e-5 });
    for (const [name, tensor] of portable.seen[STEPS - 1]) {
      const got = blocked.seen[STEPS - 1].get(name);
      expect(got?.shape, name).toEqual(tensor.shape);
      expect(dataOf(got), name).toBeAllClose(dataOf(tensor), { rtol: 1e-4, atol: 1e-5 });
    }
  });
});

describe('several passes equal one over the whole batch, with frozen norms', () => {
  test.each<[string, Setting]>([
    ['2 passes', { passes: 2 }],
    ['4 passes, clipped', { passes: 4, clip: 0.05 }],
    ['8 passes of one image, averaged', { passes: 8, ema: 0.9 }],
    ['4 passes, AdamW', { passes: 4, optimiser: adamw }],
  ])('%s', async (_, setting) => {
    const whole = await train({ ...setting, passes: 1 });
    const parts = await train(setting);
    for (const key of ['loss', 'gradientNorm'] as const) {
      const expected = whole.results.map((result) => result[key]);
      expect(parts.results.map((result) => result[key])).toBeAllClose(expected, { rtol: 1e-5 });
    }
    expect([...parts.seen[0].keys()].sort()).toEqual([...whole.seen[0].keys()].sort());
    for (const [name, tensor] of whole.seen[STEPS - 1]) {
      const got = dataOf(parts.seen[STEPS - 1].get(name));
      // AdamW divides by the root of small squares, which magnifies the noise of a zero gradient
      expect(got, name).toBeAllClose(dataOf(tensor), { rtol: 1e-4, atol: 2e-6 });
    }
    const norms = whole.results.map(({ gradientNorm }) => gradientNorm);
    expect(Math.min(...norms), 'clipping acts').toBeGreaterThan(setting.clip ?? 0);
  });
});

test('statistics follow each pass, also those of a pass before an update', async () => {
  const passes = 4;
  const { seen, store } = await train({ passes, norms: 'batch' });
  const { 0: first } = seen;
  // the convolution's outputs over the images of each pass, by a run of their means in float64
  const kernel = dataOf(store.get('conv.weight'));
  const means = (pass: number) => channelMeans(feeds(1).input, kernel, pass, BATCH / passes);
  let expected = Array.from(dataOf(store.get('norm.running_mean')));
  for (let pass = 0; pass < passes; pass++) {
    const now = means(pass);
    expected = expected.map((old, c) => 0.9 * old + 0.1 * now[c]);
  }
  expect(dataOf(first.get('norm.running_mean'))).toBeAllClose(expected, { atol: 1e-6 });
});

/** Mean of each channel of a 3x3 convolution with a margin of zeros, written out. */
function channelMeans(images: HostTensor, kernel: Float32Array, pass: number, count: number) {
  const [, inputs, height, width] = images.shape;
  const at = (n: number, c: number, y: number, x: number) =>
    y < 0 || x < 0 || y >= height || x >= width
      ? 0
      : dataOf(images)[((n * inputs + c) * height + y) * width + x];
  return Array.from({ length: 4 }, (_, out) => {
    let total = 0;
    for (let n = pass * count; n < (pass + 1) * count; n++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < inputs; c++)
            for (let k = 0; k < 9; k++)
              total +=
                at(n, c, y + Math.floor(k / 3) - 1, x + (k % 3) - 1) *
                kernel[(out * inputs + c) * 9 + k];
    return total / (count * height * width);
  });
}

describe('averages', () => {
  test.each([
    ['one pass', 1],
    ['two passes', 2],
  ])('start as the weights, and follow weights and statistics: %s', async (_, passes) => {
    const decay = 0.25; // reached by the warm-up, 3/12, in the second step
    const { seen, store } = await train({ passes, norms: 'batch', ema: decay });
    const names = [...seen[0].keys()].filter((name) => store.has(name));
    expect(names).toContain('norm.running_var');
    for (const name of names) {
      let average = Array.from(dataOf(store.get(name)));
      seen.forEach((numbers, i) => {
        const step = i + 1;
        const d = Math.min(decay, (1 + step) / (10 + step));
        const now = dataOf(numbers.get(name));
        average = average.map((a, k) => d * a + (1 - d) * now[k]);
        const got = dataOf(numbers.get(`average:${name}`));
        expect(got, `${name}, step ${step}`).toBeAllClose(average, { rtol: 1e-5, atol: 1e-6 });
      });
    }
  });

  test('none are kept unless asked for', async () => {
    const { seen } = await train({ passes: 1 });
    expect([...seen[0].keys()].filter((name) => name.startsWith('average:'))).toEqual([]);
  });
});

test('a step of gradients that were summed before does not see them again', async () => {
  // constant inputs: the second step's norm would be larger if the sums were not started anew
  const { stepper } = await open({ passes: 2 });
  const still = { ...feeds(1), rate: 0 };
  const first = await stepper.step(still);
  const second = await stepper.step({ ...still, number: 2 });
  expect(second).toEqual(first);
  await stepper.close();
});
