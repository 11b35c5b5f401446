// The backward walk: it emits what was asked for and no more, adds up, and can be walked again.
import { describe, expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { cast, greater, indicator } from '../../src/graph/ops/compare.ts';
import { conv2d } from '../../src/graph/ops/conv.ts';
import { detach } from '../../src/graph/ops/detach.ts';
import { constant, input, parameter } from '../../src/graph/ops/leaf.ts';
import { gemm } from '../../src/graph/ops/matmul.ts';
import { batchNorm } from '../../src/graph/ops/norm.ts';
import { globalAveragePool, maxPool } from '../../src/graph/ops/pool.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { topK } from '../../src/graph/ops/top-k.ts';
import { relu, sigmoid } from '../../src/graph/ops/unary.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import { topologicalOrder, type Value } from '../../src/graph/value.ts';
import { uniformTensor } from '../support/golden.ts';
import { runGraph } from '../support/run-graph.ts';

type Feeds = Record<string, number[]>;

/** How often each op stands in the graph of some values. */
function opCounts(values: readonly Value[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of topologicalOrder(values)) counts[op.name] = (counts[op.name] ?? 0) + 1;
  return counts;
}

function weight(path: string, shape: number[]): Value {
  return parameter({ path, type: { shape, dtype: 'float32' }, trainable: true });
}

/** conv a, relu, conv b, relu, conv c, relu, average pool, linear d, sum. */
function network() {
  const image = input('image', [2, 3, 6, 6]);
  const a = weight('a', [4, 3, 3, 3]);
  const b = weight('b', [4, 4, 3, 3]);
  const c = weight('c', [5, 4, 3, 3]);
  const d = weight('d', [5, 2]);
  const bias = weight('bias', [2]);
  let x = image;
  for (const w of [a, b, c]) x = relu(conv2d(x, w, undefined, { pads: 1 }));
  const loss = sum(gemm(globalAveragePool(x), d, bias));
  return { image, a, b, c, d, bias, loss };
}

describe('only what is needed', () => {
  test('the last layer alone: nothing of the convolutions is differentiated', () => {
    const { d, bias, loss } = network();
    const counts = opCounts(gradients(loss, [d, bias]));
    expect(counts.conv2dGradInput).toBeUndefined();
    expect(counts.conv2dGradWeight).toBeUndefined();
    expect(counts.indicator).toBeUndefined();
  });

  test.each([
    ['c', 0, 1],
    ['b', 1, 1],
    ['a', 2, 1],
  ] as const)('parameter %s alone: %i input gradients, %i weight gradient', (name, dx, dw) => {
    const net = network();
    const counts = opCounts(gradients(net.loss, [net[name]]));
    expect(counts.conv2dGradInput ?? 0).toBe(dx);
    expect(counts.conv2dGradWeight ?? 0).toBe(dw);
    expect(counts.indicator).toBe(dx + 1); // one mask for each rectifier on the way
  });

  test('all parameters: the image gets no gradient', () => {
    const { a, b, c, d, bias, loss } = network();
    const counts = opCounts(gradients(loss, [a, b, c, d, bias]));
    expect([counts.conv2dGradInput, counts.conv2dGradWeight]).toEqual([2, 3]);
  });

  test('the image alone: no parameter gets a gradient', () => {
    const { image, loss } = network();
    const counts = opCounts(gradients(loss, [image]));
    expect([counts.conv2dGradInput, counts.conv2dGradWeight]).toEqual([3, undefined]);
  });

  test('a value in the middle ends the walk there', () => {
    const x = input('x', [1, 2, 4, 4]);
    const map = conv2d(x, weight('w', [3, 2, 3, 3]));
    const [g] = gradients(sum(mul(map, map)), [map]);
    expect(g.shape).toEqual([1, 3, 2, 2]);
    expect(opCounts([g])).not.toHaveProperty('conv2dGradInput');
  });
});

describe('accumulation', () => {
  // y = x^2 + x, z = y y: dz/dx = 2 y (2 x + 1)
  test('shared subexpressions add up', () => {
    const x = input('x', [3]);
    const y = add(mul(x, x), x);
    const [dx] = gradients(sum(mul(y, y)), [x]);
    const values = [-1, 0.5, 2];
    const expected = values.map((v) => 2 * (v * v + v) * (2 * v + 1));
    expect(evaluate([dx], { x: values })[0].data).toBeAllClose(expected);
  });

  test('a weight that is used twice gets both shares', () => {
    const x = input('x', [1, 1, 5, 5]);
    const w = weight('w', [1, 1, 3, 3]);
    const twice = conv2d(conv2d(x, w), w);
    checkGradient(sum(twice), [w], {
      x: [...uniformTensor('x', [25])],
      w: [...uniformTensor('w', [9])],
    });
  });

  test('a value asked for twice is answered twice', () => {
    const x = input('x', [2]);
    const [first, second] = gradients(sum(mul(x, 3)), [x, x]);
    expect(evaluate([first, second], { x: [1, 2] }).map(({ data }) => [...data])).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });

  test('the gradient of the loss in itself is 1', () => {
    const loss = sum(input('x', [2]));
    expect([...evaluate(gradients(loss, [loss]))[0].data]).toEqual([1]);
  });
});

describe('no path', () => {
  test('a value that the loss does not depend on gets zeros of its shape', () => {
    const other = input('other', [2, 2]);
    const [g] = gradients(sum(input('x', [3])), [other]);
    expect(g.shape).toEqual([2, 2]);
    expect([...evaluate([g])[0].data]).toEqual([0, 0, 0, 0]);
  });

  test('nor does anything flow through a comparison', () => {
    const x = input('x', [2]);
    const [g] = gradients(sum(mul(cast(greater(x, 0), 'float32'), 5)), [x]);
    expect([...evaluate([g], { x: [1, -1] })[0].data]).toEqual([0, 0]);
  });
});

describe('refusals', () => {
  test('a loss that is no scalar', () => {
    const x = input('x', [2]);
    expect(() => gradients(x, [x])).toThrow(/gradients: expected a scalar, got shape \[2\]/);
  });

  test.each(['mean', 'variance'] as const)('the %s of a batch norm', (statistic) => {
    const x = input('x', [2, 3, 2, 2]);
    const norm = batchNorm(x, weight('scale', [3]), weight('shift', [3]));
    expect(() => gradients(sum(norm[statistic]), [x])).toThrow(/batchNorm/);
    expect(() => gradients(add(sum(norm.output), sum(norm[statistic])), [x])).toThrow(/batchNorm/);
  });

  test('the second derivative of a batch norm, which would need them', () => {
    const x = input('x', [2, 1, 2, 2]);
    const { output } = batchNorm(x, weight('scale', [1]), weight('shift', [1]));
    const [dx] = gradients(sum(mul(output, output)), [x]);
    expect(() => gradients(sum(mul(dx, dx)), [x])).toThrow(/batchNorm/);
  });
});

describe('second derivatives', () => {
  const feeds: Feeds = {
    x: [...uniformTensor('second/x', [2, 2, 5, 5])],
    w: [...uniformTensor('second/w', [3, 2, 3, 3])],
    v: [...uniformTensor('second/v', [2, 3, 2, 2])],
  };
  const x = input('x', [2, 2, 5, 5]);
  const w = weight('w', [3, 2, 3, 3]);
  const v = weight('v', [2, 3, 2, 2]);

  /** <gradient in x, fixed weights>, whose gradients are rows of second derivatives. */
  function alongGradient(loss: Value): Value {
    const [dx] = gradients(loss, [x]);
    const direction = float32(x.shape, uniformTensor('second/direction', x.shape));
    return sum(mul(dx, constant(direction)));
  }

  function smoothNetwork(): Value {
    const hidden = sigmoid(conv2d(x, w, undefined, { pads: 1, strides: 2 }));
    return sum(sigmoid(conv2d(hidden, v)));
  }

  test('convolutions and sigmoids: against central differences of the gradient', () => {
    checkGradient(alongGradient(smoothNetwork()), [x, w, v], feeds);
  });

  test('the same, lowered, against the oracle', async () => {
    const wrt = gradients(alongGradient(smoothNetwork()), [x, w, v]);
    const outputs = { dx: wrt[0], dw: wrt[1], dv: wrt[2] };
    const tensors = Object.fromEntries(
      [x, w, v].map((value, i) => ['xwv'[i], float32(value.shape, feeds['xwv'[i]])]),
    );
    const got = await runGraph(outputs, tensors);
    evaluate(wrt, feeds).forEach(({ data }, i) => {
      expect(got[Object.keys(outputs)[i]]).toBeAllClose(data, { rtol: 1e-4, atol: 1e-6 });
    });
  });

  test('through a max-pool, whose choice stays as it is', () => {
    const hidden = maxPool(sigmoid(conv2d(x, w, undefined, { pads: 1 })), {
      kernel: 2,
      strides: 2,
    });
    checkGradient(alongGradient(sum(mul(hidden, hidden))), [x, w], feeds);
  });

  // d/dx sum x^4 = 4 x^3, 12 x^2, 24 x
  test('three times', () => {
    const t = input('t', [3]);
    const square = mul(t, t);
    let y = sum(mul(square, square));
    const expected = [(a: number) => 4 * a ** 3, (a: number) => 12 * a ** 2, (a: number) => 24 * a];
    const values = [-2, 0.5, 3];
    for (const f of expected) {
      const [g] = gradients(y, [t]);
      expect(evaluate([g], { t: values })[0].data).toBeAllClose(values.map(f));
      y = sum(g);
    }
  });
});

describe('where no rule is', () => {
  const x = input('x', [2, 3]);

  test('an opaque op is an error that names it, and not a zero', () => {
    const { values } = topK(mul(x, x), 2);
    expect(() => gradients(sum(values), [x])).toThrow(
      /^gradient of topK: expected an op whose gradient is known, got 'topK', which is opaque\. /,
    );
  });

  test('nobody minds one through which no gradient is asked for', () => {
    const y = input('y', [2, 2]);
    const { values, indices } = topK(x, 2);
    const objective = sum(mul(mul(y, values), cast(indices, 'float32')));
    expect(gradients(objective, [y])).toHaveLength(1);
    expect(gradients(sum(detach(values)), [x])).toHaveLength(1);
    expect(gradients(sum(cast(indices, 'float32')), [x])).toHaveLength(1);
    // behind a wall it has no say in the gradient
    const { values: behind } = topK(detach(mul(x, x)), 2);
    expect(gradients(add(sum(behind), sum(x)), [x])).toHaveLength(1);
  });

  test('zero by definition is zero', () => {
    const [g] = gradients(sum(add(detach(x), indicator(x, 0, 1))), [x]);
    expect([...evaluate([g], { x: [1, 2, 3, 4, 5, 6] })[0].data]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

/** Holds the gradients of a scalar against central differences, in float64. */
function checkGradient(objective: Value, wrt: readonly Value[], feeds: Feeds): void {
  const analytic = evaluate(gradients(objective, wrt), feeds);
  wrt.forEach((value, i) => {
    const { name, path } = value.node.attrs as { name?: string; path?: string };
    const key = name ?? path!;
    expect(analytic[i].data, key).toBeAllClose(centralDifferences(objective, key, feeds), {
      rtol: 1e-6,
      atol: 1e-7,
    });
  });
}

function centralDifferences(objective: Value, key: string, feeds: Feeds): number[] {
  const h = 1e-5;
  return feeds[key].map((centre, i) => {
    const at = (moved: number) => {
      const numbers = feeds[key].with(i, moved);
      return evaluate([objective], { ...feeds, [key]: numbers })[0].data[0];
    };
    return (at(centre + h) - at(centre - h)) / (2 * h);
  });
}
