// Scopes: paths, sharing, what trains, and first numbers that depend on seed and path alone.
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32 } from '../../src/core/tensor.ts';
import { add } from '../../src/graph/ops/arithmetic.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { filledWith, heFanOut, normal } from '../../src/nn/initialisers.ts';
import { convNorm, linear } from '../../src/nn/layers.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';

const SHAPE = [2, 3];

/** Asks for weights of the given paths, in this order. */
function withWeights(...paths: string[]): Parameters {
  const parameters = new Parameters();
  for (const path of paths) parameters.get(path, SHAPE, 'weight', normal(1));
  return parameters;
}

function numbersOf(parameters: Parameters, seed: number): ParameterStore {
  const store: ParameterStore = new Map();
  initialise(parameters, store, seed);
  return store;
}

describe('paths', () => {
  test('are joined with dots, from the root down', () => {
    const parameters = new Parameters();
    const scope = parameters.root().child('backbone').child('layer1.0');
    scope.parameter('weight', SHAPE, 'weight', normal(1));
    expect([...parameters.specs.keys()]).toEqual(['backbone.layer1.0.weight']);
  });

  test('the same path is the same value, from whatever scope', () => {
    const root = new Parameters().root();
    const first = root.child('a').child('b').parameter('weight', SHAPE, 'weight', normal(1));
    const second = root.child('a.b').parameter('weight', SHAPE, 'weight', normal(1));
    expect(second).toBe(first);
  });

  test('the same path with another shape is an error that names path and shapes', () => {
    const root = new Parameters().root();
    root.parameter('weight', [2, 3], 'weight', normal(1));
    expect(() => root.parameter('weight', [3, 2], 'weight', normal(1))).toThrow(
      /parameter weight: expected \[2, 3\], got \[3, 2\]/,
    );
  });

  test('a layer used twice has one set of parameters', () => {
    const parameters = new Parameters();
    const head = parameters.root().child('head');
    const x = input('x', [1, 4]);
    add(linear(head, x, 3), linear(head, x, 3));
    expect([...parameters.specs.keys()]).toEqual(['head.weight', 'head.bias']);
  });
});

describe('what trains', () => {
  const names = ['conv', 'norm'] as const;
  const build = { norms: 'frozen', padding: 'torch' } as const;

  function layer(parameters: Parameters, norms: 'frozen' | 'batch' = 'frozen'): void {
    const x = input('x', [2, 3, 4, 4]);
    convNorm(parameters.root(), x, { channels: 5, kernel: 3, names }, { ...build, norms });
  }

  test('everything but the statistics', () => {
    const parameters = new Parameters();
    layer(parameters);
    const paths = parameters.trainable().map(({ spec }) => spec.path);
    expect(paths).toEqual(['conv.weight', 'norm.weight', 'norm.bias']);
  });

  test('the predicate leaves out what the stage freezes, and never lets statistics in', () => {
    const parameters = new Parameters((path) => path.startsWith('norm'));
    layer(parameters);
    const paths = parameters.trainable().map(({ spec }) => spec.path);
    expect(paths).toEqual(['norm.weight', 'norm.bias']);
  });

  test('statistics are updated by norms that use the batch, and by no others', () => {
    const [frozen, batch] = [new Parameters(), new Parameters()];
    layer(frozen);
    layer(batch, 'batch');
    expect([...frozen.updates.keys()]).toEqual([]);
    expect([...batch.updates.keys()]).toEqual(['norm.running_mean', 'norm.running_var']);
  });
});

describe('first numbers', () => {
  test('depend on seed and path, not on the order or on what else there is', () => {
    const one = numbersOf(withWeights('a', 'b', 'c'), 7);
    const other = numbersOf(withWeights('c', 'x', 'a'), 7);
    expect(other.get('a')).toEqual(one.get('a'));
    expect(other.get('c')).toEqual(one.get('c'));
  });

  test('differ between paths and between seeds', () => {
    const seven = numbersOf(withWeights('a', 'b'), 7);
    const eight = numbersOf(withWeights('a', 'b'), 8);
    expect(seven.get('a')).not.toEqual(seven.get('b'));
    expect(seven.get('a')).not.toEqual(eight.get('a'));
  });

  test('leave alone what is loaded already, and name what was fresh', () => {
    const loaded = float32(SHAPE, [1, 2, 3, 4, 5, 6]);
    const store: ParameterStore = new Map([['b', loaded]]);
    expect(initialise(withWeights('a', 'b', 'c'), store, 7)).toEqual(['a', 'c']);
    expect(store.get('b')).toBe(loaded);
  });

  test('of a linear layer: small weights, no bias', () => {
    const parameters = new Parameters();
    linear(parameters.root(), input('x', [1, 100]), 50);
    const store = numbersOf(parameters, 1);
    const weights = store.get('weight')!.data as Float32Array;
    expect(deviation(weights)).toBeCloseTo(0.01, 3);
    expect(store.get('bias')!.data).toEqual(new Float32Array(50));
  });

  // sqrt(2 / (out * kh * kw / groups))
  test.each([
    ['dense 3x3', [64, 32, 3, 3], 1, Math.sqrt(2 / (64 * 9))],
    ['depthwise 3x3', [512, 1, 3, 3], 512, Math.sqrt(2 / 9)],
  ] as const)('He et al., fan out: %s', (_, shape, groups, expected) => {
    const { data } = heFanOut(groups)(shape, randomStream(3, 'test'));
    expect(deviation(data) / expected).toBeCloseTo(1, 1);
  });

  test('filledWith', () => {
    expect([...filledWith(2)([3], randomStream(0, 'test')).data]).toEqual([2, 2, 2]);
  });
});

function deviation(data: Float32Array): number {
  const mean = data.reduce((total, v) => total + v, 0) / data.length;
  return Math.sqrt(data.reduce((total, v) => total + (v - mean) ** 2, 0) / data.length);
}
