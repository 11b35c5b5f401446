// Every op case of test/goldens/ops.json: the lowered graph against PyTorch in float64, outputs and
// gradients. What is accepted is measured by PyTorch's own float32 error ("Gradient agreement").
import { describe, expect, test } from 'vitest';
import { float32, type HostTensor, int64 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import * as act from '../../src/graph/ops/activation.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { conv2d } from '../../src/graph/ops/conv.ts';
import { convTranspose2d } from '../../src/graph/ops/conv-transpose.ts';
import { gather, scatterAdd } from '../../src/graph/ops/gather.ts';
import { layerNorm } from '../../src/graph/ops/layer-norm.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { localResponseNorm } from '../../src/graph/ops/local-response-norm.ts';
import { transpose } from '../../src/graph/ops/movement.ts';
import { batchNorm, channelAffine, foldNorm } from '../../src/graph/ops/norm.ts';
import { avgPool, maxPool } from '../../src/graph/ops/pool.ts';
import { logSoftmax, softmax } from '../../src/graph/ops/reduce.ts';
import { resizeBilinear } from '../../src/graph/ops/resize.ts';
import { concat, split } from '../../src/graph/ops/slice.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { abs, erf, sign } from '../../src/graph/ops/unary.ts';
import type { Value } from '../../src/graph/value.ts';
import { crossEntropy, smoothTargets } from '../../src/nn/losses.ts';
import { createSession } from '../../src/runtime/node.ts';
import {
  goldenError,
  type OpGolden,
  readOpGoldens,
  type TensorGolden,
  uniformTensor,
} from '../support/golden.ts';

/**
 * Relative errors up to this are rounding, whatever PyTorch's own is: five half units in the last
 * place (6e-8 each). PyTorch's single result may be exact by luck, and it sums norms in double.
 */
const FLOOR = 3e-7;

type Inputs = Record<string, Value>;
type Build = (golden: OpGolden, inputs: Inputs) => Record<string, Value>;

/** ONNX order from torch's padding of height and width. */
function bothSides([h, w]: readonly number[]): [number, number, number, number] {
  return [h, w, h, w];
}

const pair = (value: unknown) => value as [number, number];

function indices(attributes: OpGolden['attributes']): Value {
  const numbers = attributes.indices as number[];
  return constant(int64([numbers.length], numbers));
}

const builders: Record<string, Build> = {
  conv2d: ({ attributes: a }, { x, w, b }) => ({
    y: conv2d(x, w, b, {
      strides: pair(a.strides),
      pads: a.pads as [number, number, number, number],
      dilations: pair(a.dilations),
      groups: a.group as number,
    }),
  }),
  conv_transpose2d: ({ attributes: a }, { x, w, b }) => ({
    y: convTranspose2d(x, w, b, {
      strides: pair(a.strides),
      pads: bothSides(pair(a.padding)),
      outputPadding: pair(a.outputPadding),
      dilations: pair(a.dilations),
      groups: a.group as number,
    }),
  }),
  max_pool: ({ attributes: a }, { x }) => ({
    y: maxPool(x, {
      kernel: pair(a.kernel),
      strides: pair(a.strides),
      pads: bothSides(pair(a.padding)),
    }),
  }),
  avg_pool: ({ attributes: a }, { x }) => ({
    y: avgPool(x, {
      kernel: pair(a.kernel),
      strides: pair(a.strides),
      pads: bothSides(pair(a.padding)),
      includePad: a.countIncludePad as boolean,
    }),
  }),
  batch_norm: ({ attributes: a }, inputs) =>
    a.training ? trainingNorm(a, inputs) : evalNorm(a, inputs),
  layer_norm: ({ attributes: a }, { x, weight, bias }) => ({
    y: layerNorm(x, weight, bias, a.epsilon as number),
  }),
  local_response_norm: ({ attributes: a }, { x }) => ({
    y: localResponseNorm(x, {
      size: a.size as number,
      alpha: a.alpha as number,
      beta: a.beta as number,
      k: a.k as number,
    }),
  }),
  softmax: (_, { x }) => ({ y: softmax(x) }),
  log_softmax: (_, { x }) => ({ y: logSoftmaxOver1(x) }),
  cross_entropy: entropy,
  interpolate: ({ attributes: a }, { x }) => {
    const [height, width] = pair(a.size);
    return { y: resizeBilinear(x, height, width, { antialias: a.antialias as boolean }) };
  },
  silu: (_, { x }) => ({ y: act.silu(x) }),
  gelu: (_, { x }) => ({ y: act.gelu(x) }),
  gelu_tanh: (_, { x }) => ({ y: act.gelu(x, { tanh: true }) }),
  hardswish: (_, { x }) => ({ y: act.hardSwish(x) }),
  leaky_relu: (_, { x }) => ({ y: act.leakyRelu(x, 0.2) }),
  elu: (_, { x }) => ({ y: act.elu(x, 0.5) }),
  abs: (_, { x }) => ({ y: abs(x) }),
  sign: (_, { x }) => ({ y: sign(x) }),
  erf: (_, { x }) => ({ y: erf(x) }),
  split: ({ attributes: a }, { x }) => ({
    y: concat(split(x, a.axis as number, a.sizes as number[]).reverse(), a.axis as number),
  }),
  index_select: ({ attributes: a }, { x }) => ({ y: gather(x, indices(a), a.axis as number) }),
  index_add: ({ attributes: a }, { x }) => ({
    y: scatterAdd(x, indices(a), a.axis as number, a.size as number),
  }),
};

function trainingNorm(a: OpGolden['attributes'], inputs: Inputs): Record<string, Value> {
  const { x, weight, bias, running_mean, running_var } = inputs;
  const momentum = a.momentum as number;
  const { output, mean, variance } = batchNorm(x, weight, bias, a.epsilon as number);
  const count = x.shape[0] * x.shape[2] * x.shape[3];
  const follow = (old: Value, now: Value) => add(mul(old, 1 - momentum), mul(now, momentum));
  return {
    y: output,
    running_mean: follow(running_mean, mean),
    running_var: follow(running_var, mul(variance, count / (count - 1))),
  };
}

function evalNorm(a: OpGolden['attributes'], inputs: Inputs): Record<string, Value> {
  const { x, weight, bias, running_mean, running_var } = inputs;
  const folded = foldNorm(weight, bias, running_mean, running_var, a.epsilon as number);
  return { y: channelAffine(x, folded.scale, folded.shift) };
}

function logSoftmaxOver1(x: Value): Value {
  if (x.shape.length === 2) return logSoftmax(x);
  return transpose(logSoftmax(transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
}

function entropy({ attributes: a, labels }: OpGolden, { x, target }: Inputs) {
  const [batch, classes] = x.shape;
  const smoothing = a.labelSmoothing as number;
  const targets = a.soft
    ? add(mul(softmax(target), 1 - smoothing), smoothing / classes)
    : constant(float32([batch, classes], smoothTargets(labels!, classes, smoothing)));
  return { loss: crossEntropy(x, targets) };
}

/** All outputs, and the gradients of the first one under the case's upstream gradient. */
async function compute(golden: OpGolden): Promise<Record<string, HostTensor>> {
  const feeds: Record<string, HostTensor> = {};
  const inputs: Inputs = {};
  for (const [key, { shape, ...range }] of Object.entries(golden.inputs)) {
    feeds[key] = float32(shape, uniformTensor(`${golden.name}/${key}`, shape, range));
    inputs[key] = input(key, shape);
  }
  const built = builders[golden.op](golden, inputs);
  const outputs = Object.fromEntries(Object.entries(built).map(([key, y]) => [`y:${key}`, y]));
  const [[main, y]] = Object.entries(built);
  const upstream = y.shape.length === 0 ? [1] : uniformTensor(`${golden.name}/d:${main}`, y.shape);
  const wrt = Object.keys(golden.gradients);
  const found = gradients(
    sum(mul(y, constant(float32(y.shape, upstream)))),
    wrt.map((key) => inputs[key]),
  );
  wrt.forEach((key, i) => {
    outputs[`grad:${key}`] = found[i];
  });
  const session = await createSession(lower(outputs).bytes, { threads: 1 });
  const results = await session.run(feeds);
  await session.close();
  return results;
}

function check(got: HostTensor, golden: TensorGolden, path: string): void {
  expect(got.shape, path).toEqual(golden.shape);
  const error = goldenError(got.data as Float32Array, golden, path);
  expect(error, path).toBeLessThanOrEqual(Math.max(2 * golden.error, FLOOR));
}

const { cases } = readOpGoldens();

test('the goldens hold every op that there is a builder for', () => {
  expect([...new Set(cases.map(({ op }) => op))].sort()).toEqual(Object.keys(builders).sort());
});

describe('agrees with PyTorch in float64', () => {
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (name, golden) => {
    const results = await compute(golden);
    for (const [key, expected] of Object.entries(golden.outputs)) {
      check(results[`y:${key}`], expected, `${name}/${key}`);
    }
    for (const [key, expected] of Object.entries(golden.gradients)) {
      check(results[`grad:${key}`], expected, `${name}/grad:${key}`);
    }
  });
});
