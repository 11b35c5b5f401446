// Foreign graphs within ours: names, bodies, what is left out, and what of them is written.

import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import { type ForeignGraph, foreignGraph } from '../../src/graph/onnx/foreign.ts';
import { type ModelProto, ModelProtoSchema } from '../../src/graph/onnx/generated/onnx_pb.ts';
import { parseOnnx, readOnnx } from '../../src/graph/onnx/reader.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { embed, takesAnyBatch } from '../../src/graph/ops/embed.ts';
import { layerNorm } from '../../src/graph/ops/layer-norm.ts';
import { input, parameter } from '../../src/graph/ops/leaf.ts';
import { max, mean } from '../../src/graph/ops/reduce.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import type { Value } from '../../src/graph/value.ts';
import { uniformTensor } from '../support/golden.ts';
import {
  CHANNELS,
  graph,
  node,
  planeMeans,
  type TinyOptions,
  tinyMap,
  tinyModel,
  valueInfo,
  weights,
  whole,
} from '../support/onnx-models.ts';
import { runGraph } from '../support/run-graph.ts';

const shapes: Record<string, number[]> = {
  active: [CHANNELS, 4, 4],
  flat: [CHANNELS],
  chosen: [CHANNELS],
};

function foreign(options: TinyOptions = {}): ForeignGraph {
  return foreignGraph(parseOnnx(tinyModel(options), 'tiny'), 'tiny');
}

function tiny(image: Value, net: ForeignGraph, names: string[], single = false) {
  const outputs = names.map((name) => ({ name, shape: shapes[name] }));
  const from = { name: 'pixels', layout: 'nchw', type: 1 } as const;
  return embed(image, { graph: net, input: from, size: 16, outputs, single });
}

const photo = (batch: number) => input('photo', [batch, 3, 16, 16]);
const pixels = uniformTensor('pixels', [2, 3, 16, 16]);
const feeds = { photo: float32([2, 3, 16, 16], pixels) };
const maps = [tinyMap(pixels.subarray(0, 768)), tinyMap(pixels.subarray(768))];
const means = maps.flatMap((one) => planeMeans(one, CHANNELS));
const close = { rtol: 1e-5, atol: 1e-6 };

test('a value that a body captures may be an output, under a name of ours', async () => {
  const body = (op: string) =>
    graph({ nodes: [node(op, ['flat', 'w'], ['in'])], outputs: [valueInfo('in', undefined)] });
  const yes = Object.assign(weights('yes', []), { dataType: 9, rawData: Uint8Array.of(1) });
  const net = foreign({
    tail: [node('If', ['yes'], ['chosen'], { then_branch: body('Mul'), else_branch: body('Add') })],
    tailWeights: [weights('w', [1], [3]), yes],
    outputs: [valueInfo('flat', undefined), valueInfo('chosen', undefined)],
  });
  const [flat, chosen] = tiny(photo(2), net, ['flat', 'chosen']);
  // both outputs are written by the foreign graph's own nodes, whose values lose their names
  const out = await runGraph({ flat, logits: chosen }, feeds);
  expect(out.flat).toBeAllClose(means, close);
  expect(out.logits).toBeAllClose(
    means.map((v) => 3 * v),
    close,
  );
});

test('what the outputs do not need is left out', () => {
  const net = foreign({
    tail: [node('Gemm', ['flat', 'fc'], ['logits'])],
    tailWeights: [weights('fc', [CHANNELS, 9])],
    outputs: [valueInfo('logits', undefined), valueInfo('flat', undefined)],
  });
  const [flat] = tiny(photo(1), net, ['flat']);
  const { operators, constants } = readOnnx(lower({ y: flat }).bytes);
  expect(Object.fromEntries(operators)).toEqual({
    Conv: 1,
    Relu: 1,
    GlobalAveragePool: 1,
    Flatten: 1,
  });
  expect([...constants.keys()]).toEqual(['trunk0/kernel']);
});

test('inputs and outputs that are left out do not belong together', () => {
  const net = foreign({
    tail: [
      node('Clip', ['flat', '', 'six'], ['chosen']),
      node('TopK', ['flat', 'one'], ['', 'best']),
    ],
    tailWeights: [weights('six', [], [6]), whole('one', [1])],
  });
  const { operators } = readOnnx(lower({ y: tiny(photo(1), net, ['chosen'])[0] }).bytes);
  expect(operators.has('Clip')).toBe(true);
  expect(operators.has('TopK')).toBe(false);
});

test('twice on one image is written once; on two images the weights are', async () => {
  const net = foreign();
  const image = photo(2);
  const [once] = tiny(image, net, ['flat']);
  const [again] = tiny(image, net, ['flat']);
  const [other] = tiny(mul(image, 2), net, ['flat']);
  const outputs = { a: once, b: add(again, other) };
  const { operators, constants } = readOnnx(lower(outputs).bytes);
  expect(operators.get('Conv')).toBe(2);
  expect([...constants.keys()].filter((name) => name.endsWith('kernel'))).toHaveLength(1);
  const out = await runGraph(outputs, feeds);
  expect(out.a).toBeAllClose(means, close);
  expect(out.b).toBeAllClose(
    means.map((v) => 3 * v),
    close,
  );
});

test('two networks keep apart', async () => {
  const net = foreign();
  const kernel = uniformTensor('kernel', [CHANNELS, 3, 4, 4]).map((v) => -v);
  const other = foreign();
  (other.initializers as Map<string, unknown>).set(
    'kernel',
    weights('kernel', [CHANNELS, 3, 4, 4], kernel),
  );
  const [a] = tiny(photo(2), net, ['active']);
  const [b] = tiny(photo(2), other, ['active']);
  // relu(x) - relu(-x) = x
  const out = await runGraph({ y: mean(add(a, mul(b, -1)), [2, 3]) }, feeds);
  const signed = await runGraph({ y: mean(a, [2, 3]), z: mean(b, [2, 3]) }, feeds);
  expect(out.y).toBeAllClose(
    signed.y.map((v, i) => v - signed.z[i]),
    close,
  );
  expect(signed.z).not.toBeAllClose(signed.y, { rtol: 0.1, atol: 0.1 });
});

test.each([13, 17, 18, 21, 23])('ours around operator set %i', async (opset) => {
  const net = foreign({ opset });
  const [active] = tiny(photo(2), net, ['active']);
  const outputs = { top: max(active, [2, 3]), total: sum(active, [1, 2, 3]) };
  const { bytes } = lower(outputs, { freeBatch: 'batch' });
  expect(fromBinary(ModelProtoSchema, bytes).opsetImport).toMatchObject([
    { domain: '', version: BigInt(opset) },
  ]);
  const out = await runGraph(outputs, feeds, { freeBatch: 'batch' });
  const tops = maps.flatMap((map) =>
    Array.from({ length: CHANNELS }, (_, c) => Math.max(...map.subarray(c * 16, c * 16 + 16))),
  );
  expect(out.top).toBeAllClose(tops, close);
  expect(out.total).toBeAllClose(
    maps.map((map) => map.reduce((a, v) => a + v)),
    close,
  );
});

test('the newer of two file versions, and the domains, are taken over', () => {
  const read = (options: TinyOptions): ModelProto => {
    const [flat] = tiny(photo(1), foreign(options), ['flat']);
    return fromBinary(ModelProtoSchema, lower({ y: flat }).bytes);
  };
  expect(read({ ir: 10 }).irVersion).toBe(10n);
  expect(read({ ir: 4 }).irVersion).toBe(8n);
  const domains = { 'com.microsoft': 1, 'ai.onnx.ml': 3 };
  expect(read({ domains }).opsetImport).toMatchObject([
    { domain: '', version: 17n },
    { domain: 'com.microsoft', version: 1n },
    { domain: 'ai.onnx.ml', version: 3n },
  ]);
});

test('two operator sets, or one too old for an op of ours, are errors', () => {
  const [a] = tiny(photo(1), foreign({ opset: 17 }), ['flat']);
  const [b] = tiny(photo(1), foreign({ opset: 18 }), ['flat']);
  expect(() => lower({ y: add(a, b) })).toThrow(/embed: expected operator set 17/);
  const [old] = tiny(photo(1), foreign({ opset: 13 }), ['flat']);
  const ones = parameter({
    path: 'w',
    type: { shape: [CHANNELS], dtype: 'float32' },
    trainable: true,
  });
  expect(() => lower({ y: layerNorm(old, ones, ones) })).toThrow(
    /LayerNormalization: expected operator set 17 or later, got 13/,
  );
});

test('none but its outputs have a gradient: one of its image is an error', () => {
  const image = photo(1);
  const [flat] = tiny(image, foreign(), ['flat']);
  const w = parameter({
    path: 'w',
    type: { shape: [CHANNELS], dtype: 'float32' },
    trainable: true,
  });
  const objective = sum(mul(flat, w));
  expect(gradients(objective, [w, flat]).map(({ shape }) => shape)).toEqual([
    [CHANNELS],
    [1, CHANNELS],
  ]);
  expect(() => gradients(objective, [w, image])).toThrow(/^gradient of embed: .* is opaque/);
});

test('images of another shape are refused where the graph is built', () => {
  const net = foreign();
  expect(() => tiny(input('p', [1, 3, 32, 32]), net, ['flat'])).toThrow(/\[N, 3, 16, 16\]/);
  expect(() => tiny(photo(2), net, ['flat'], true)).toThrow(/\[1, 3, 16, 16\]/);
  expect(takesAnyBatch([...tiny(photo(1), net, ['flat'], true)])).toBe(false);
  expect(takesAnyBatch([...tiny(photo(1), net, ['flat'])])).toBe(true);
});
