// Weights that are used in two ways have two tensors in the file, in few bytes, and the same results.

import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { float32, type HostTensor, zeros } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import { ModelProtoSchema } from '../../src/graph/onnx/generated/onnx_pb.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { gemm } from '../../src/graph/ops/matmul.ts';
import { max } from '../../src/graph/ops/reduce.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import type { Value } from '../../src/graph/value.ts';
import { runGraph } from '../support/run-graph.ts';

const numbers = (rows: number, columns: number) =>
  float32(
    [rows, columns],
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + rows)),
  );

const layer = (x: Value, weight: Value) =>
  gemm(x, weight, constant(zeros([weight.shape[0]])), { transB: true });

/** Two layers, and how the largest of their outputs depends on x; other constants beside them. */
function network(hidden: number, classes: number, beside: number) {
  const x = input('x', [1, 8]);
  const weights = [constant(numbers(hidden, 8)), constant(numbers(classes, hidden))];
  const logits = layer(layer(x, weights[0]), weights[1]);
  const [slope] = gradients(sum(max(logits, [1])), [x]);
  return { logits, slope, other: constant(numbers(1, beside)) };
}

function graphOf(outputs: ReturnType<typeof network>, ownWeights: boolean) {
  const { bytes } = lower(outputs, { ownWeights });
  const { node, initializer } = fromBinary(ModelProtoSchema, bytes).graph!;
  const names = new Set(initializer.map(({ name }) => name));
  const weights = node.flatMap(({ opType, input }) =>
    (opType === 'Gemm' || opType === 'MatMul') && names.has(input[1]) ? [input[1]] : [],
  );
  const again = node.filter(({ opType, input }) => opType === 'Identity' && names.has(input[0]));
  return { bytes, weights, again };
}

describe.each([
  ['small beside other constants: copied', 500, 0],
  ['most of the file: only named again', 1, 2],
])('%s', (_, beside, identities) => {
  const outputs = network(6, 3, beside);

  test('no tensor has two uses', () => {
    const shared = graphOf(outputs, false);
    expect(new Set(shared.weights).size).toBe(2);
    expect(shared.weights).toHaveLength(4);
    const own = graphOf(outputs, true);
    expect(new Set(own.weights).size).toBe(own.weights.length);
    expect(own.weights).toHaveLength(4 - identities);
    expect(own.again.length - shared.again.length).toBe(identities);
    expect(own.bytes.length - shared.bytes.length).toBeLessThan(0.2 * shared.bytes.length + 300);
  });

  test('the results are the same, bit by bit', async () => {
    const feeds: Record<string, HostTensor> = { x: numbers(1, 8) };
    const own = await runGraph(outputs, feeds, { ownWeights: true });
    expect(own).toEqual(await runGraph(outputs, feeds));
  });
});

test('uses of one kind share their tensor', () => {
  const weight = constant(numbers(8, 8));
  const x = input('x', [1, 8]);
  const twice = {
    logits: layer(layer(x, weight), weight),
    slope: x,
    other: constant(numbers(1, 99)),
  };
  const { weights } = graphOf(twice, true);
  expect(weights).toHaveLength(2);
  expect(new Set(weights).size).toBe(1);
});
