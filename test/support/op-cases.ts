// Random cases for every op of the table: tensors, and how the op is applied to them.
import { type RandomStream, randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { elu, leakyRelu } from '../../src/graph/ops/activation.ts';
import * as a from '../../src/graph/ops/arithmetic.ts';
import * as c from '../../src/graph/ops/compare.ts';
import * as conv from '../../src/graph/ops/conv.ts';
import { detach } from '../../src/graph/ops/detach.ts';
import * as g from '../../src/graph/ops/gather.ts';
import { layerNormOp } from '../../src/graph/ops/layer-norm.ts';
import * as mm from '../../src/graph/ops/matmul.ts';
import * as mv from '../../src/graph/ops/movement.ts';
import * as norm from '../../src/graph/ops/norm.ts';
import * as pool from '../../src/graph/ops/pool.ts';
import * as red from '../../src/graph/ops/reduce.ts';
import { signedSqrt } from '../../src/graph/ops/signed-sqrt.ts';
import * as sl from '../../src/graph/ops/slice.ts';
import * as su from '../../src/graph/ops/sum.ts';
import { topK } from '../../src/graph/ops/top-k.ts';
import * as un from '../../src/graph/ops/unary.ts';
import { apply, applyMany } from '../../src/graph/value.ts';
import {
  away,
  binary,
  clamped,
  convShapes,
  type Generator,
  maxPoolParts,
  poolCase,
  shapeOf,
  spread,
  typed,
  unary,
} from './case-parts.ts';

export type { OpCase } from './case-parts.ts';

/** One generator for each op of the table that computes something. */
export const opCases: Readonly<Record<string, Generator>> = {
  add: binary(a.add),
  sub: binary(a.sub),
  mul: binary(a.mul),
  div: binary(a.div, 0.5, 2),
  pow: binary(a.pow, 0.5, 2),
  log: unary(a.log, 0.3, 4),
  greater: binary(c.greater),
  less: binary(c.less),
  equal: (r) => {
    const shape = shapeOf(r, 2);
    const values = () => Array.from({ length: sizeOf(shape) }, () => r.integer(3));
    return {
      inputs: [typed('float32', shape, values()), typed('float32', shape, values())],
      build: c.equal,
    };
  },
  where: (r) => {
    const shape = shapeOf(r, 3);
    const flags = Array.from({ length: sizeOf(shape) }, () => r.integer(2));
    return {
      inputs: [typed('bool', shape, flags), spread(r, shape), spread(r, shape.slice(1))],
      build: c.where,
      differentiable: [1, 2],
    };
  },
  cast: (r) => ({
    inputs: [
      typed(
        'int64',
        [3, 2],
        Array.from({ length: 6 }, () => r.integer(9)),
      ),
    ],
    build: (x) => c.cast(x, 'float32'),
    differentiable: [],
  }),
  indicator: (r) => {
    const [low, high] = r.pick([
      [0, Number.POSITIVE_INFINITY],
      [Number.NEGATIVE_INFINITY, 1],
      [0, 1.5],
    ]);
    return {
      inputs: [away(r, shapeOf(r, 3), [low, high].filter(Number.isFinite))],
      build: (x) => c.indicator(x, low, high),
    };
  },
  exp: unary(un.exp),
  sqrt: unary(un.sqrt, 0.3, 4),
  sigmoid: unary(un.sigmoid),
  tanh: unary(un.tanh),
  relu: clamped(un.relu, [0]),
  hardSigmoid: clamped((x) => un.hardSigmoid(x, 0.25, 0.5), [-2, 2]),
  clamp: clamped(un.relu6, [0, 6], 8),
  abs: clamped(un.abs, [0]),
  erf: unary(un.erf),
  leakyRelu: (r) => {
    const slope = r.pick([0.01, 0.2]);
    return { inputs: [away(r, shapeOf(r, 3), [0])], build: (x) => leakyRelu(x, slope) };
  },
  elu: (r) => {
    const alpha = r.pick([1, 0.5]);
    return { inputs: [away(r, shapeOf(r, 3), [0])], build: (x) => elu(x, alpha) };
  },
  signedSqrt: (r) => {
    const epsilon = r.pick([1e-5, 0.1]);
    return { inputs: [away(r, shapeOf(r, 3), [0])], build: (x) => signedSqrt(x, epsilon) };
  },
  matmul: (r) => {
    const [m, k, n] = shapeOf(r, 3);
    const [transA, transB] = [r.chance(0.5), r.chance(0.5)];
    const batch = r.pick([
      [[], []],
      [[2], [2]],
      [[3, 1], [2]],
      [[2], []],
    ] as const);
    return {
      inputs: [
        spread(r, [...batch[0], ...(transA ? [k, m] : [m, k])]),
        spread(r, [...batch[1], ...(transB ? [n, k] : [k, n])]),
      ],
      build: (x, y) => mm.matmul(x, y, transA, transB),
    };
  },
  sumOfSquares: (r) => ({ inputs: [spread(r, shapeOf(r, 3))], build: mm.sumOfSquares }),
  gemm: (r) => {
    const [m, k, n] = shapeOf(r, 3);
    const [transA, transB] = [r.chance(0.5), r.chance(0.5)];
    return {
      inputs: [
        spread(r, transA ? [k, m] : [m, k]),
        spread(r, transB ? [n, k] : [k, n]),
        spread(r, [n]),
      ],
      build: (x, y, b) => mm.gemm(x, y, b, { transA, transB }),
    };
  },
  conv2d: (r) => {
    const { x, w, attrs, bias } = convShapes(r);
    const inputs = [spread(r, x), spread(r, w), ...(bias ? [spread(r, [w[0]])] : [])];
    return { inputs, build: (v, k, b) => conv.conv2d(v, k, b, attrs) };
  },
  conv2dGradInput: (r) => {
    const { x, w, y, attrs } = convShapes(r);
    return {
      inputs: [spread(r, y), spread(r, w)],
      build: (dy, k) => conv.conv2dGradInput(dy, k, x, attrs),
    };
  },
  conv2dGradWeight: (r) => {
    const { x, w, y, attrs } = convShapes(r);
    return {
      inputs: [spread(r, x), spread(r, y)],
      build: (v, dy) => conv.conv2dGradWeight(v, dy, w, attrs),
    };
  },
  maxPool: (r) => {
    const { input, pooled } = maxPoolParts(r);
    return { inputs: [input], build: pooled };
  },
  maxPoolGrad: (r) => {
    const { y, attrs, input, pooled } = maxPoolParts(r);
    return {
      inputs: [input, spread(r, y)],
      build: (x, dy) => apply(pool.maxPoolGradOp, [x, pooled(x), dy], attrs),
      differentiable: [1],
    };
  },
  maxPoolSelect: (r) => {
    const { x: shape, attrs, input, pooled } = maxPoolParts(r);
    return {
      inputs: [input, spread(r, shape)],
      build: (x, v) => apply(pool.maxPoolSelectOp, [x, pooled(x), v], attrs),
      differentiable: [1],
    };
  },
  avgPool: (r) => {
    const { x, attrs } = poolCase(r);
    const includePad = r.chance(0.5);
    return {
      inputs: [spread(r, x)],
      build: (v) => apply(pool.avgPoolOp, [v], { ...attrs, includePad }),
    };
  },
  globalAveragePool: (r) => ({ inputs: [spread(r, shapeOf(r, 4))], build: pool.globalAveragePool }),
  channelAffine: (r) => {
    const shape = shapeOf(r, 4);
    return {
      inputs: [spread(r, shape), spread(r, [shape[1]]), spread(r, [shape[1]])],
      build: norm.channelAffine,
    };
  },
  batchNorm: (r) => {
    const shape = [2 + r.integer(2), 1 + r.integer(3), 2 + r.integer(3), 2 + r.integer(3)];
    return {
      inputs: [spread(r, shape), spread(r, [shape[1]], 0.5, 1.5), spread(r, [shape[1]])],
      build: (x, s, b) => norm.batchNorm(x, s, b).output,
    };
  },
  layerNorm: (r) => {
    const features = [3 + r.integer(3), ...shapeOf(r, r.integer(2), 3)];
    const shape = [...shapeOf(r, r.integer(3), 3), ...features];
    const epsilon = r.pick([1e-5, 0.1]);
    const statistics = r.chance(0.3);
    return {
      inputs: [spread(r, shape), spread(r, features, 0.5, 1.5), spread(r, features)],
      build: (x, scale, shift) => {
        const [y, mean, inverse] = applyMany(layerNormOp, [x, scale, shift], { epsilon });
        return statistics ? a.add(a.mul(y, inverse), mean) : y;
      },
    };
  },
  sum: (r) => {
    const axes = r.pick([[0], [1, 2], [-1], [0, 1, 2]]);
    return {
      inputs: [spread(r, shapeOf(r, 3))],
      build: (x) => su.sum(x, axes, { keep: r.chance(0.5) }),
    };
  },
  max: (r) => {
    const axes = r.pick([[0], [1, 2], [-1]]);
    return { inputs: [spread(r, shapeOf(r, 3))], build: (x) => red.max(x, axes) };
  },
  softmax: (r) => ({ inputs: [spread(r, shapeOf(r, 1 + r.integer(3)))], build: red.softmax }),
  logSoftmax: (r) => ({ inputs: [spread(r, shapeOf(r, 2))], build: red.logSoftmax }),
  reshape: (r) => {
    const shape = shapeOf(r, 3);
    return { inputs: [spread(r, shape)], build: (x) => mv.reshape(x, [shape[2], -1]) };
  },
  transpose: (r) => ({
    inputs: [spread(r, shapeOf(r, 4))],
    build: (x) => mv.transpose(x, r.child('perm').permutation(4)),
  }),
  expand: (r) => {
    const full = shapeOf(r, 3);
    const from = full.map((d) => (r.chance(0.5) ? 1 : d)).slice(r.integer(3));
    return { inputs: [spread(r, from)], build: (x) => su.expand(x, full) };
  },
  concat: (r) => {
    const shape = shapeOf(r, 3);
    const axis = r.integer(3);
    const part = () =>
      spread(
        r,
        shape.map((d, i) => (i === axis ? 1 + r.integer(3) : d)),
      );
    return { inputs: [part(), part(), part()], build: (...x) => sl.concat(x, axis) };
  },
  slice: (r) => {
    const shape = shapeOf(r, 3, 6);
    const axis = r.integer(3);
    const start = r.integer(shape[axis]);
    const end = start + 1 + r.integer(shape[axis] - start);
    const step = 1 + r.integer(3);
    return { inputs: [spread(r, shape)], build: (x) => sl.slice(x, axis, start, end, step) };
  },
  place: (r) => {
    const shape = shapeOf(r, 3);
    const steps = shape.map(() => 1 + r.integer(3));
    const starts = shape.map(() => r.integer(3));
    const full = shape.map((d, i) => starts[i] + (d - 1) * steps[i] + 1 + r.integer(3));
    return { inputs: [spread(r, shape)], build: (x) => sl.place(x, full, starts, steps) };
  },
  gather: (r) => {
    const shape = shapeOf(r, 3);
    const axis = r.integer(3);
    const indices = Array.from({ length: 1 + r.integer(5) }, () => r.integer(shape[axis]));
    return {
      inputs: [spread(r, shape), typed('int64', [indices.length], indices)],
      build: (x, i) => g.gather(x, i, axis),
      differentiable: [0],
    };
  },
  scatterAdd: (r) => {
    const shape = shapeOf(r, 3);
    const axis = r.integer(3);
    const size = 1 + r.integer(5);
    const indices = Array.from({ length: shape[axis] }, () => r.integer(size));
    return {
      inputs: [spread(r, shape), typed('int64', [indices.length], indices)],
      build: (x, i) => g.scatterAdd(x, i, axis, size),
      differentiable: [0],
    };
  },
  argMax: (r) => ({
    inputs: [spread(r, shapeOf(r, 3))],
    build: (x) => g.argMax(x, r.child('axis').integer(3)),
    differentiable: [],
  }),
  topK: (r) => {
    const shape = shapeOf(r, 2, 7);
    const k = 1 + r.integer(shape[1]);
    // few different numbers, so that there are ties
    const numbers = Array.from({ length: sizeOf(shape) }, () => r.integer(4));
    return {
      inputs: [typed('float32', shape, numbers)],
      build: (x) => {
        const { values, indices } = topK(x, k);
        return a.add(values, a.mul(c.cast(indices, 'float32'), 0.01));
      },
      differentiable: [],
    };
  },
  detach: (r) => ({ inputs: [spread(r, shapeOf(r, 3))], build: detach, differentiable: [] }),
};

export function caseStream(op: string, seed: number): RandomStream {
  return randomStream(seed, 'op-case', op);
}
