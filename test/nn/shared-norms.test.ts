// A norm that is used twice in a step: its statistics follow both inputs, one after the other.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { norm } from '../../src/nn/layers.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { runGraph } from '../support/run-graph.ts';

const SHAPE = [1, 1, 2, 2];

// from (0, 1) with weight 0.1: x has mean 2, unbiased variance 8 / 3; y has mean 10 and variance 0
test('running statistics follow each in turn, as those of a module that is called twice', async () => {
  const parameters = new Parameters();
  const scope = parameters.root();
  const build = { norms: 'batch', padding: 'torch' } as const;
  for (const name of ['x', 'y']) norm(scope, input(name, SHAPE), build);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 1);
  const outputs = {
    mean: parameters.updates.get('running_mean')!,
    variance: parameters.updates.get('running_var')!,
  };
  const feeds = { x: float32(SHAPE, [0, 2, 2, 4]), y: float32(SHAPE, [10, 10, 10, 10]) };
  const found = await runGraph(outputs, { ...feeds, ...Object.fromEntries(store) });
  expect(found.mean).toBeAllClose([0.9 * (0.1 * 2) + 0.1 * 10], { rtol: 1e-6 });
  expect(found.variance).toBeAllClose([0.9 * (0.9 + 0.1 * (8 / 3))], { rtol: 1e-6 });
});
