// Optimiser updates against the recurrences of torch.optim, written out in float64.
import { describe, expect, test } from 'vitest';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import type { Value } from '../../src/graph/value.ts';
import {
  clipByGlobalNorm,
  globalNorm,
  movingAverage,
  type OptimiserOptions,
  optimiserUpdate,
  stateNames,
} from '../../src/nn/optimisers.ts';
import { createSession } from '../../src/runtime/node.ts';
import { uniformTensor } from '../support/golden.ts';
import { runGraph } from '../support/run-graph.ts';

const SIZE = 6;
const SHAPE = [2, 3];
const STEPS = 5;
const START = uniformTensor('optimiser/parameter', SHAPE);
const gradientOf = (step: number) => uniformTensor(`optimiser/gradient${step}`, SHAPE);
/** A rate that changes, as under a schedule. */
const rateOf = (step: number) => 0.1 / step;

interface Setting {
  readonly decay: number;
}

/** The parameter after every step, by the lowered graph. State is fed back as a trainer would. */
async function lowered(options: OptimiserOptions, { decay }: Setting): Promise<number[][]> {
  const names = stateNames(options);
  const update = optimiserUpdate(options, {
    parameter: input('parameter', SHAPE),
    gradient: input('gradient', SHAPE),
    state: names.map((name) => input(name, SHAPE)),
    rate: input('rate', []),
    step: input('step', []),
    decay,
  });
  const outputs: Record<string, Value> = { 'next:parameter': update.parameter };
  names.forEach((name, i) => {
    outputs[`next:${name}`] = update.state[i];
  });
  const session = await createSession(lower(outputs).bytes, { threads: 1 });
  const carried: Record<string, HostTensor> = { parameter: float32(SHAPE, START) };
  for (const name of names) carried[name] = float32(SHAPE, new Float32Array(SIZE));
  const seen: number[][] = [];
  for (let step = 1; step <= STEPS; step++) {
    const results = await session.run({
      ...carried,
      gradient: float32(SHAPE, gradientOf(step)),
      rate: float32([], [rateOf(step)]),
      step: float32([], [step]),
    });
    for (const name of ['parameter', ...names]) carried[name] = results[`next:${name}`];
    seen.push(Array.from(carried.parameter.data as Float32Array));
  }
  await session.close();
  return seen;
}

/** Applies `next(p, g, state, rate, step)` to every element over the same steps. */
function recurrence(
  next: (p: number, g: number, state: number[], rate: number, step: number) => number,
): number[][] {
  const parameter = Array.from(START);
  const states = parameter.map(() => [0, 0]);
  return Array.from({ length: STEPS }, (_, i) => {
    const gradient = gradientOf(i + 1);
    for (let k = 0; k < SIZE; k++) {
      parameter[k] = next(parameter[k], gradient[k], states[k], rateOf(i + 1), i + 1);
    }
    return [...parameter];
  });
}

// torch.optim.SGD: g += decay p; v = momentum v + g; p -= rate (g + momentum v  or  v)
function sgdRecurrence(momentum: number, nesterov: boolean, decay: number): number[][] {
  return recurrence((p, g0, state, rate) => {
    const g = g0 + decay * p;
    state[0] = momentum * state[0] + g;
    return p - rate * (nesterov ? g + momentum * state[0] : state[0]);
  });
}

// torch.optim.AdamW: p -= rate decay p; then Adam with bias-corrected moments
function adamwRecurrence(beta1: number, beta2: number, epsilon: number, decay: number): number[][] {
  return recurrence((p, g, state, rate, step) => {
    state[0] = beta1 * state[0] + (1 - beta1) * g;
    state[1] = beta2 * state[1] + (1 - beta2) * g * g;
    const mean = state[0] / (1 - beta1 ** step);
    const root = Math.sqrt(state[1] / (1 - beta2 ** step));
    return p * (1 - rate * decay) - (rate * mean) / (root + epsilon);
  });
}

function agree(got: number[][], expected: number[][]): void {
  got.forEach((row, i) => {
    expect(row, `step ${i + 1}`).toBeAllClose(expected[i], { rtol: 2e-6, atol: 2e-7 });
  });
}

describe('sgd', () => {
  test.each([
    ['plain', 0, false, 0],
    ['weight decay', 0, false, 0.05],
    ['momentum', 0.9, false, 0],
    ['momentum and decay', 0.9, false, 0.05],
    ['nesterov', 0.9, true, 0],
    ['nesterov and decay', 0.9, true, 0.05],
  ] as const)('%s', async (_, momentum, nesterov, decay) => {
    const got = await lowered({ kind: 'sgd', momentum, nesterov }, { decay });
    agree(got, sgdRecurrence(momentum, nesterov, decay));
  });

  test('keeps no state without momentum', () => {
    expect(stateNames({ kind: 'sgd', momentum: 0, nesterov: false })).toEqual([]);
  });
});

describe('adamw', () => {
  test.each([
    ['torch defaults', 0.9, 0.999, 1e-8, 0.01],
    ['no decay', 0.9, 0.999, 1e-8, 0],
    ['other moments, large epsilon', 0.8, 0.95, 1e-2, 0.1],
  ] as const)('%s', async (_, beta1, beta2, epsilon, decay) => {
    const got = await lowered({ kind: 'adamw', beta1, beta2, epsilon }, { decay });
    agree(got, adamwRecurrence(beta1, beta2, epsilon, decay));
  });

  // the first step of Adam is rate sign(g) whatever the moments' decay
  test.each([
    [0.9, 0.999],
    [0.5, 0.99999],
  ])('the first step has the length of the rate, betas %d and %d', async (beta1, beta2) => {
    const [first] = await lowered({ kind: 'adamw', beta1, beta2, epsilon: 0 }, { decay: 0 });
    const expected = Array.from(START, (p, k) => p - rateOf(1) * Math.sign(gradientOf(1)[k]));
    agree([first], [expected]);
  });

  test('bias correction after many steps', async () => {
    const parameter = input('parameter', [1]);
    const state = [input('mean', [1]), input('square', [1])];
    const update = optimiserUpdate(
      { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 0 },
      {
        parameter,
        gradient: input('gradient', [1]),
        state,
        rate: input('rate', []),
        step: input('step', []),
        decay: 0,
      },
    );
    const one = (value: number) => float32([1], [value]);
    for (const step of [2, 30, 1000, 100_000]) {
      // moments of a gradient that was always 1 before, and is 1 now: the step is the rate
      const feeds = {
        parameter: one(0),
        gradient: one(1),
        mean: one(1 - 0.9 ** (step - 1)),
        square: one(1 - 0.999 ** (step - 1)),
        rate: float32([], [1]),
        step: float32([], [step]),
      };
      const { next } = await runGraph({ next: update.parameter }, feeds);
      expect(next, `step ${step}`).toBeAllClose([-1], { rtol: 2e-6 });
    }
  });
});

describe('clipping', () => {
  const values = [input('a', [2]), input('b', [1, 2])];
  const feeds = { a: float32([2], [1, 2]), b: float32([1, 2], [2, 4]) }; // common norm 5

  async function clipped(limit: number) {
    const { gradients, norm } = clipByGlobalNorm(values, limit);
    return await runGraph({ 'clip:a': gradients[0], 'clip:b': gradients[1], norm }, feeds);
  }

  test('a norm above the limit is scaled down to it, all tensors alike', async () => {
    const results = await clipped(2.5);
    expect(results.norm).toBeAllClose([5]);
    expect(results['clip:a']).toBeAllClose([0.5, 1]);
    expect(results['clip:b']).toBeAllClose([1, 2]);
  });

  test.each([5.1, 100])('a norm below the limit of %d changes nothing', async (limit) => {
    const results = await clipped(limit);
    expect(results['clip:a']).toEqual([1, 2]);
    expect(results['clip:b']).toEqual([2, 4]);
  });

  test('gradients of zero stay zero', async () => {
    const { gradients, norm } = clipByGlobalNorm([input('a', [2])], 1);
    const outputs = { 'clip:a': gradients[0], norm };
    const results = await runGraph(outputs, { a: float32([2], [0, 0]) });
    expect(results).toEqual({ 'clip:a': [0, 0], norm: [0] });
  });

  test('globalNorm of scalars, vectors and kernels', async () => {
    const norm = globalNorm([input('s', []), input('k', [1, 2, 1, 2])]);
    const given = { s: float32([], [1]), k: float32([1, 2, 1, 2], [1, 3, 3, 4]) };
    expect((await runGraph({ norm }, given)).norm).toBeAllClose([6]);
  });
});

describe('moving average', () => {
  /** The average after each step, of weights that are drawn anew. */
  async function averages(decay: number, start: Float32Array, weights: Float32Array[]) {
    const shape = [start.length];
    const [average, value] = [input('average', shape), input('value', shape)];
    const next = movingAverage(average, value, decay, input('step', []));
    const session = await createSession(lower({ next }).bytes, { threads: 1 });
    let held: HostTensor = float32(shape, start);
    const seen: number[][] = [];
    for (const [i, now] of weights.entries()) {
      const feeds = { average: held, value: float32(shape, now), step: float32([], [i + 1]) };
      held = (await session.run(feeds)).next;
      seen.push(Array.from(held.data as Float32Array));
    }
    await session.close();
    return seen;
  }

  test.each([
    ['within the warm-up', 0.999],
    ['past the warm-up from the second step on', 0.25],
    ['of hardly any memory', 0.01],
  ])('the recurrence, %s', async (_, decay) => {
    const start = uniformTensor('average/start', [SIZE]);
    const weights = Array.from({ length: STEPS }, (_, i) => uniformTensor(`average/${i}`, [SIZE]));
    let expected = Array.from(start);
    const rows = weights.map((now, i) => {
      const d = Math.min(decay, (2 + i) / (11 + i));
      expected = expected.map((a, k) => d * a + (1 - d) * now[k]);
      return expected;
    });
    agree(await averages(decay, start, weights), rows);
  });

  test('of weights that stay is those weights, bit for bit', async () => {
    const still = uniformTensor('average/still', [SIZE]);
    const rows = await averages(0.999, still, [still, still, still]);
    for (const row of rows) expect(row).toEqual(Array.from(still));
  });
});
