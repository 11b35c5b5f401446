// Corners of the blocked lowering: broadcasts into padded lanes, masks that belong to other maps,
// strides beyond the map, groups that wait for each other.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import { OnnxBuilder } from '../../src/graph/onnx/builder.ts';
import { readOnnx } from '../../src/graph/onnx/reader.ts';
import { leakyRelu } from '../../src/graph/ops/activation.ts';
import { add, div, mul, sub } from '../../src/graph/ops/arithmetic.ts';
import { greater, indicator, where } from '../../src/graph/ops/compare.ts';
import { conv2d } from '../../src/graph/ops/conv.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { sumOfSquares } from '../../src/graph/ops/matmul.ts';
import { reshape } from '../../src/graph/ops/movement.ts';
import { batchNorm } from '../../src/graph/ops/norm.ts';
import { maxPool, type PoolOptions } from '../../src/graph/ops/pool.ts';
import { mean } from '../../src/graph/ops/reduce.ts';
import { expand } from '../../src/graph/ops/sum.ts';
import { exp, relu, sigmoid, tanh } from '../../src/graph/ops/unary.ts';
import type { Value } from '../../src/graph/value.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import { compareBlocked, functional } from '../support/blocked-compare.ts';

const block = await blockedLanes();
const onBlocks = test.skipIf(block === undefined);
if (block === undefined) console.log('skipped: this machine has no blocked convolutions');

/** Leaves with random numbers. */
function drawing(name: string) {
  const r = randomStream(0, 'corners', name);
  const feeds: Record<string, HostTensor> = {};
  const leaf = (shape: readonly number[], low = -1, high = 1): Value => {
    const id = `p${Object.keys(feeds).length}`;
    const numbers = Array.from({ length: sizeOf(shape) }, () => r.uniform(low, high));
    feeds[id] = float32(shape, numbers);
    return input(id, shape);
  };
  return { feeds, leaf };
}

type Leaf = ReturnType<typeof drawing>['leaf'];

/** A convolution from 16 channels to 24, which leave lanes of the second block empty. */
function map24(leaf: Leaf, size = 7): Value {
  return conv2d(leaf([2, 16, size, size]), leaf([24, 16, 3, 3], -0.1, 0.1), leaf([24]), {
    pads: 1,
  });
}

const cellwise: Record<string, (x: Value, leaf: Leaf) => Value> = {
  'plus a number for each cell': (x, leaf) => add(x, leaf([2, 1, 7, 7])),
  'minus a number for each cell': (x, leaf) => sub(x, leaf([1, 1, 7, 7])),
  'a sigmoid times one': (x, leaf) => mul(sigmoid(x), leaf([7, 7])),
  'less its mean over everything but images': (x) => sub(x, mean(x, [1, 2, 3], { keep: true })),
  'over its exponential plus a convolution': (x, leaf) =>
    div(x, add(conv2d(leaf([2, 16, 7, 7]), leaf([24, 16, 1, 1], 0, 0.01)), exp(exp(x)))),
};
for (const [name, f] of Object.entries(cellwise)) {
  onBlocks(`the empty lanes stay out of sums: a map ${name}`, async () => {
    const { feeds, leaf } = drawing(name);
    const y = f(map24(leaf), leaf);
    const z = conv2d(y, leaf([16, 24, 1, 1]));
    const [dw] = gradients(functional(z, 1), [z.node.inputs[1]]);
    await compareBlocked(block!, { total: sumOfSquares(y), z, dw }, feeds, name);
  });
}

onBlocks('the empty lanes of a kernel stay out of sums too', async () => {
  const { feeds, leaf } = drawing('kernel');
  const y = map24(leaf);
  const [dw] = gradients(functional(y, 0), [y.node.inputs[1]]);
  const centred = sub(dw, mean(dw, [1, 2, 3], { keep: true }));
  await compareBlocked(block!, { centred, norm: sumOfSquares(centred) }, feeds, 'kernel');
});

/** A pooling of f(convolution) with a convolution behind it, and the gradient of the first kernel. */
function pooledBetween(f: (x: Value) => Value, leaf: Leaf, pool: PoolOptions) {
  const x = map24(leaf);
  const pooled = maxPool(f(x), pool);
  const y = conv2d(pooled, leaf([16, 24, 1, 1]));
  const [dw] = gradients(functional(y, 0), [x.node.inputs[1]]);
  return { y, dw };
}

for (const f of [tanh, sigmoid, exp, leakyRelu] as ((x: Value) => Value)[]) {
  onBlocks(`max-pooling behind ${f.name}`, async () => {
    const { feeds, leaf } = drawing(f.name);
    await compareBlocked(block!, pooledBetween(f, leaf, { kernel: 2 }), feeds, f.name);
  });
}

onBlocks('gradients at zeros of a ReLU that no mask takes away', async () => {
  const { feeds, leaf } = drawing('pools');
  const r = relu(map24(leaf));
  const y = maxPool(maxPool(r, { kernel: 3, strides: 2, pads: 1 }), { kernel: 2 });
  const [dr] = gradients(functional(y, 0), [r]);
  await compareBlocked(block!, { dr }, feeds, 'two pools');
  const other = indicator(map24(leaf), 0, Number.POSITIVE_INFINITY);
  await compareBlocked(block!, { masked: mul(dr, other) }, feeds, 'a mask of another map');
});

onBlocks('a pooling behind a ReLU leaves no mask behind', () => {
  const { leaf } = drawing('mask');
  const { dw } = pooledBetween(relu, leaf, { kernel: 3, strides: 2, pads: 1 });
  const { operators } = readOnnx(lower({ dw }, { lowering: { block: block! } }).bytes);
  // of the windows' maxima; comparisons are written by the convolutions
  expect(operators.get('HardSigmoid')).toBe(1);
});

for (const [k, stride, pad, size] of [
  [3, 3, 1, 2],
  [3, 3, 1, 3],
  [2, 2, 1, 1],
  [3, 4, 1, 1],
  [5, 4, 2, 2],
]) {
  onBlocks(`stride ${stride}, ${k}x${k}, padding ${pad} on ${size}x${size}`, async () => {
    const { feeds, leaf } = drawing(`${k}${stride}${pad}${size}`);
    const x = leaf([2, 16, size, size]);
    const w = leaf([16, 16, k, k]);
    const y = conv2d(relu(x), w, undefined, { strides: stride, pads: pad });
    const [dx, dw] = gradients(functional(y, 0), [x, w]);
    await compareBlocked(block!, { y, dx, dw }, feeds, 'stride');
  });
}

onBlocks('two norms that wait for each other', async () => {
  const { feeds, leaf } = drawing('norms');
  const norm = () => batchNorm(map24(leaf), leaf([24], 0.5, 1.5), leaf([24]));
  const [a, b] = [norm(), norm()];
  const wide = (v: Value) => expand(reshape(v, [1, 24, 1, 1]), a.output.shape);
  const [x, y] = [add(a.output, wide(b.mean)), add(b.output, wide(a.mean))];
  await compareBlocked(block!, { x, y }, feeds, 'norms');
});

onBlocks('comparisons of blocked maps', async () => {
  const { feeds, leaf } = drawing('bool');
  const x = map24(leaf);
  const some = where(greater(leaf([1, 24, 7, 7]), leaf([1])), x, x);
  await compareBlocked(block!, { high: greater(x, leaf([1])), some }, feeds, 'bool');
});

test('names that nodes of the graph have are refused', () => {
  const type = { shape: [1], dtype: 'float32' } as const;
  expect(() => new OnnxBuilder().graphInput('n0', type)).toThrow(/name other than n or c/);
  expect(() => lower({ c1: relu(input('x', [1])) })).toThrow(/name other than n or c/);
});

test('what blocks cannot have is refused', () => {
  const y = relu(input('x', [1, 16, 4, 4]));
  expect(() => lower({ y }, { lowering: { block: 16 }, freeBatch: 'batch' })).toThrow(
    /fixed batch/,
  );
});
