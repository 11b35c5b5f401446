// Random cases for functions that are made of ops and have no row in the table of ops.

import type { RandomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { int64 } from '../../src/core/tensor.ts';
import * as act from '../../src/graph/ops/activation.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { convTranspose2d } from '../../src/graph/ops/conv-transpose.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import { localResponseNorm } from '../../src/graph/ops/local-response-norm.ts';
import { concat, split } from '../../src/graph/ops/slice.ts';
import { sign } from '../../src/graph/ops/unary.ts';
import type { Value } from '../../src/graph/value.ts';
import { bilinearPooling } from '../../src/nn/bilinear-pooling.ts';
import { classLinks } from '../../src/nn/class-relations.ts';
import { tensorSketch } from '../../src/nn/compact-bilinear.ts';
import { squaredDistances, unitRows } from '../../src/nn/pairwise.ts';
import { rankLoss } from '../../src/nn/rank-loss.ts';
import { smoothL1 } from '../../src/nn/smooth-l1.ts';
import { tripletLoss } from '../../src/nn/triplet-loss.ts';
import { boxesOf, within, zoom } from '../../src/nn/zoom.ts';
import {
  away,
  clamped,
  type Generator,
  type OpCase,
  shapeOf,
  spread,
  typed,
  unary,
} from './case-parts.ts';

export const composedCases: Readonly<Record<string, Generator>> = {
  silu: unary(act.silu),
  gelu: unary(act.gelu),
  'gelu by tanh': unary((x) => act.gelu(x, { tanh: true })),
  hardSwish: clamped(act.hardSwish, [-3, 3], 4),
  sign: clamped(sign, [0]),
  convTranspose2d: (r) => {
    const { x, w, bias, options } = transposedCase(r);
    const inputs = [spread(r, x), spread(r, w), ...(bias ? [spread(r, bias)] : [])];
    return { inputs, build: (v, k, b) => convTranspose2d(v, k, b, options) };
  },
  localResponseNorm: (r) => {
    const options = { size: 1 + r.integer(6), alpha: r.uniform(0.1, 2), beta: 0.75, k: 1 };
    const [n, c, h, w] = [1 + r.integer(2), 1 + r.integer(8), 1 + r.integer(3), 1 + r.integer(3)];
    return { inputs: [spread(r, [n, c, h, w])], build: (x) => localResponseNorm(x, options) };
  },
  unitRows: unitRowsCase,
  'triplet loss': (r) => tripletCase(r, []),
  'triplet loss with a hierarchy and attributes': (r) =>
    tripletCase(r, [
      [0, 0, 1, 1],
      [0, 0, 0, 0],
    ]),
  bilinearPooling: (r) => {
    // positive: the root jumps where a product is zero
    const [n, c, h, w] = shapeOf(r, 4);
    // of one channel the unit descriptor is constant
    const map = spread(r, [n, c + 1, h, w], 0.2, 2);
    return { inputs: [map], build: (x) => bilinearPooling(x).unit };
  },
  'bilinearPooling of two maps': (r) => {
    const [n, a, b, h, w] = shapeOf(r, 5);
    const inputs = [spread(r, [n, a + 1, h, w], 0.2, 2), spread(r, [n, b, h, w], -2, -0.2)];
    return { inputs, build: (x, y) => bilinearPooling(x, y).unit };
  },
  tensorSketch: (r) => {
    const [n, a, b, h, w] = shapeOf(r, 5);
    const dimension = 1 + r.integer(6);
    const list = (count: number, draw: () => number) =>
      typed('float32', [count], Array.from({ length: count }, draw));
    const tables = [a, b].flatMap((count) => [
      list(count, () => r.integer(dimension)),
      list(count, () => r.pick([-1, 1])),
    ]);
    const build = (x: Value, y: Value, ...[h1, s1, h2, s2]: Value[]) =>
      tensorSketch(
        [x, y],
        [
          { buckets: h1, signs: s1 },
          { buckets: h2, signs: s2 },
        ],
        dimension,
      );
    const maps = [spread(r, [n, a, h, w]), spread(r, [n, b, h, w])];
    return { inputs: [...maps, ...tables], build, differentiable: [0, 1] };
  },
  zoom: (r) => {
    const [n, c, side, size] = [
      1 + r.integer(2),
      1 + r.integer(3),
      3 + r.integer(5),
      2 + r.integer(6),
    ];
    const squares = Array.from({ length: n }, () => smoothSquare(r, side, size));
    return {
      inputs: [spread(r, [n, c, side, side]), typed('float32', [n, 3], squares.flat())],
      build: (image, square) => zoom(image, square, size),
    };
  },
  'squares within squares': (r) => {
    const n = 1 + r.integer(3);
    const squares = () => spread(r, [n, 3], 0.1, 0.9);
    return { inputs: [squares(), squares()], build: (a, b) => boxesOf([a, within(a, b)]) };
  },
  smoothL1: (r) => {
    const shape = shapeOf(r, 2);
    return {
      inputs: [
        away(r, shape, [-0.5, 0, 0.5]),
        typed('float32', shape, new Array(sizeOf(shape)).fill(0)),
      ],
      build: (x, target) => smoothL1(x, target, 0.5),
      differentiable: [0],
    };
  },
  rankLoss: (r) => {
    const [n, k] = [1 + r.integer(3), 2 + r.integer(4)];
    const labels = Array.from({ length: n }, () => r.integer(k));
    return {
      inputs: [spread(r, [n, k]), spread(r, [n, k]), typed('int64', [n], labels)],
      build: (coarser, finer, truth) => rankLoss(coarser, finer, truth, 0.05),
      differentiable: [1], // the coarser scale's probability is taken as given
    };
  },
  split: (r) => {
    const sizes = shapeOf(r, 1 + r.integer(4), 3);
    const shape = shapeOf(r, 3);
    const axis = r.integer(3);
    shape[axis] = sizes.reduce((total, size) => total + size);
    return {
      inputs: [spread(r, shape)],
      build: (x) =>
        concat(
          split(x, axis - 3, sizes)
            .map((piece, i) => mul(piece, i + 1))
            .reverse(),
          axis,
        ),
    };
  },
};

/** Rows that are not too short: there the curvature is beyond central differences. */
function unitRowsCase(r: RandomStream): OpCase {
  return { inputs: [spread(r, [1 + r.integer(4), 2 + r.integer(4)], 0.2, 2)], build: unitRows };
}

/** Features of unit length of four classes that overlap. */
function tripletCase(r: RandomStream, levels: readonly (readonly number[])[]): OpCase {
  const [n, d] = [4 + r.integer(5), 2 + r.integer(4)];
  const labels = Array.from({ length: n }, () => r.integer(4));
  const rows = constant(int64([n], labels));
  const attributes = levels.length === 0 ? undefined : [0, 1, 2, 3].map(() => bits(r, 5));
  const margins = [0.9, 0.6, 0.4].slice(0, levels.length + 1);
  return {
    inputs: [spread(r, [n, d], 0.2, 2)],
    build: (x) => {
      const links = classLinks(rows, { levels, margins, attributes });
      return tripletLoss(squaredDistances(unitRows(x)), links).loss;
    },
  };
}

const bits = (r: RandomStream, count: number) => Array.from({ length: count }, () => r.chance(0.5));

/** Any strides, dilations, groups, pads and outputPadding under which something is left. */
function transposedCase(r: RandomStream) {
  const groups = r.pick([1, 1, 2, 3]);
  const [cg, og] = [1 + r.integer(2), 1 + r.integer(2)];
  const pair = (most: number): [number, number] => [1 + r.integer(most), 1 + r.integer(most)];
  const [strides, dilations, kernel] = [pair(3), pair(2), pair(4)];
  const x = [1 + r.integer(2), groups * cg, 1 + r.integer(4), 1 + r.integer(4)];
  const full = [0, 1].map((i) => (x[i + 2] - 1) * strides[i] + dilations[i] * (kernel[i] - 1) + 1);
  const some = (axis: number) => r.integer(Math.min(4, Math.ceil(full[axis] / 2)));
  const more = [0, 1].map((i) => r.integer(Math.max(strides[i], dilations[i])));
  const options = {
    strides,
    dilations,
    groups,
    pads: [some(0), some(1), some(0), some(1)] as [number, number, number, number],
    outputPadding: [more[0], more[1]] as const,
  };
  const bias = r.chance(0.5) ? [og * groups] : undefined;
  return { x, w: [groups * cg, og, ...kernel], bias, options };
}

/** A square none of whose sampling positions is near a kink: a source pixel, or the end of a reach. */
function smoothSquare(r: RandomStream, side: number, size: number): number[] {
  for (;;) {
    const half = r.uniform(0.2, 0.5);
    const [tx, ty] = [r.uniform(half, 1 - half), r.uniform(half, 1 - half)];
    const reach = Math.max(1, (2 * half * side) / size);
    const far = (position: number) => Math.abs(position - Math.round(position)) > 0.002;
    const smooth = (t: number) =>
      Array.from(
        { length: size },
        (_, i) => side * (t + half * ((2 * i + 1) / size - 1)) - 0.5,
      ).every((p) => far(p) && far(p + reach) && far(p - reach));
    if (smooth(tx) && smooth(ty) && Math.abs(2 * half * side - size) > 0.01) return [tx, ty, half];
  }
}
