// Functions that a recogniser may use keep the batch free: the same file takes any number of rows.
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { gelu, hardSwish } from '../../src/graph/ops/activation.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { cast, greater } from '../../src/graph/ops/compare.ts';
import { convTranspose2d } from '../../src/graph/ops/conv-transpose.ts';
import { layerNorm } from '../../src/graph/ops/layer-norm.ts';
import { constant, filled, input } from '../../src/graph/ops/leaf.ts';
import { localResponseNorm } from '../../src/graph/ops/local-response-norm.ts';
import { avgPool, maxPool } from '../../src/graph/ops/pool.ts';
import { softmax } from '../../src/graph/ops/reduce.ts';
import { concat, slice, split } from '../../src/graph/ops/slice.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { squareAround } from '../../src/nn/object-square.ts';
import { adaptiveAveragePool } from '../../src/nn/pooling.ts';
import { fixedSquare, zoom } from '../../src/nn/zoom.ts';
import { uniformTensor } from '../support/golden.ts';
import { runGraph } from '../support/run-graph.ts';

const kernel = (shape: number[]) => constant(float32(shape, uniformTensor('kernel', shape)));

const functions: Record<string, (x: Value) => Value> = {
  gelu,
  hardSwish,
  softmax,
  layerNorm: (x) => layerNorm(x, filled([5, 6], 2), filled([5, 6], 1)),
  localResponseNorm: (x) => localResponseNorm(x, { size: 3, alpha: 1 }),
  'split and concat': (x) => concat(split(x, 1, 2).reverse(), 1),
  zoom: (x) => zoom(slice(x, 3, 0, 5), fixedSquare(1, 0.3), 7),
  'a square around a mask': (x) => squareAround(cast(greater(slice(x, 1, 0, 1), 0), 'float32')),
  'convTranspose2d, stride 1': (x) => convTranspose2d(x, kernel([4, 3, 3, 3])),
  'convTranspose2d, stride 2': (x) =>
    convTranspose2d(x, kernel([4, 3, 3, 3]), filled([3], 1), {
      strides: 2,
      pads: 1,
      outputPadding: 1,
    }),
};

/** The gradient in x of a pooling whose outputs count by their squares. */
const slope = (pool: (x: Value) => Value) => (x: Value) => {
  const y = pool(x);
  return gradients(sum(mul(y, y)), [x])[0];
};

/** Recognisers with hidden layers draw their evidence from such gradients. */
const slopes: Record<string, (x: Value) => Value> = {
  'maxPool, overlapping': slope((x) => maxPool(x, { kernel: 3, strides: 2, pads: 1 })),
  'maxPool, with gaps': slope((x) => maxPool(x, { kernel: 1, strides: 2 })),
  avgPool: slope((x) => avgPool(x, { kernel: [5, 3] })),
  adaptiveAveragePool: slope((x) => adaptiveAveragePool(x, 4)),
};

async function compare(build: (x: Value) => Value, built: number): Promise<void> {
  const row = [4, 5, 6];
  const y = build(input('x', [built, ...row]));
  for (const batch of [1, 3]) {
    const numbers = uniformTensor('rows', [batch, ...row], { low: -2, high: 2 });
    const feeds = { x: float32([batch, ...row], numbers) };
    const got = await runGraph({ y }, feeds, { freeBatch: 'batch' });
    const [expected] = evaluate([build(input('x', [batch, ...row]))], { x: numbers });
    expect(got.y).toBeAllClose(expected.data, { rtol: 1e-5, atol: 1e-6 });
  }
}

test.each(Object.entries(functions))('%s', (_, build) => compare(build, 2));

// a sum over the batch spreads its gradient over the rows that it was built for: one, then, which
// broadcasts, as in recognisers
test.each(Object.entries(slopes))('gradient of %s', (_, build) => compare(build, 1));
