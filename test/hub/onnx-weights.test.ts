// The initialisers of ONNX files as weights, in every form in which exporters leave them.

import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { encodeSafetensors } from '../../src/formats/safetensors.ts';
import {
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
} from '../../src/graph/onnx/generated/onnx_pb.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { readOnnxTensors } from '../../src/hub/onnx-weights.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { temporaryFolder } from '../support/files.ts';
import { uniformTensor } from '../support/golden.ts';
import { graph, modelBytes, node, valueInfo, weights, whole } from '../support/onnx-models.ts';
import { runGraph } from '../support/run-graph.ts';

/** A file of these initialisers. */
async function fileOf(
  initializers: TensorProto[],
  nodes: NodeProto[] = [],
  metadata: Record<string, string> = {},
): Promise<string> {
  const body = graph({ nodes, initializers, outputs: [valueInfo('y', undefined)] });
  const folder = await temporaryFolder({ 'net.onnx': modelBytes(body, { metadata }) });
  return join(folder, 'net.onnx');
}

const typed = (name: string, dataType: number, fields: object, dims = [2]) =>
  create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), ...fields });

test('numbers in every field, half precision widened', async () => {
  const path = await fileOf([
    typed('raw', 1, { rawData: new Uint8Array(Float32Array.of(1.5, -2).buffer) }),
    typed('floats', 1, { floatData: [0.5, 3] }),
    typed('doubles', 11, { doubleData: [0.1, 2] }),
    typed('longs', 7, { int64Data: [5n, -6n] }),
    typed('ints', 6, { int32Data: [7, -8] }),
    typed('bytes', 2, { int32Data: [9, 255] }),
    typed('flags', 9, { int32Data: [1, 0] }),
    typed('half', 10, { int32Data: [0x3c00, 0xc000] }),
    typed('brain', 16, { rawData: Uint8Array.of(0x80, 0x3f, 0x00, 0xc0) }),
    typed('none', 1, {}, [0]),
    typed('strange', 3, { int32Data: [1, 2] }),
  ]);
  const { tensors } = await readOnnxTensors(path);
  const shown = [...tensors].map(([name, { dtype, data }]) => [name, dtype, ...data]);
  expect(shown).toEqual([
    ['raw', 'float32', 1.5, -2],
    ['floats', 'float32', 0.5, 3],
    ['doubles', 'float64', 0.1, 2],
    ['longs', 'int64', 5n, -6n],
    ['ints', 'int32', 7, -8],
    ['bytes', 'uint8', 9, 255],
    ['flags', 'bool', 1, 0],
    ['half', 'float32', 1, -2],
    ['brain', 'float32', 1, -2],
    ['none', 'float32'],
  ]);
});

test('numbers that do not fill their shape are an error', async () => {
  const path = await fileOf([typed('w', 1, { floatData: [1, 2, 3] }, [2, 2])]);
  await expect(readOnnxTensors(path)).rejects.toMatchObject({
    code: 'FM_FORMAT',
    message: expect.stringContaining("12 bytes for 'w' of shape [2, 2]"),
  });
});

test('a model without initialisers says how to export', async () => {
  await expect(readOnnxTensors(await fileOf([]))).rejects.toMatchObject({ code: 'FM_WEIGHTS' });
});

/** The tiny network with norms that are not trivial. */
const destination = { backbone: findBackbone('resnet_tiny'), classes: [] };

function network() {
  const parameters = new Parameters();
  const image = input('image', [1, 3, 32, 32]);
  const build = { norms: 'frozen', padding: 'torch' } as const;
  const backbone = findBackbone('resnet_tiny');
  const { pooled } = backbone.features(parameters.root().child('backbone'), image, build);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 4);
  for (const [path, { shape }] of store) {
    const low = path.endsWith('running_var') ? 0.5 : -0.5;
    const range = { low, high: low + 1 };
    if (shape.length === 1) store.set(path, float32(shape, uniformTensor(path, shape, range)));
  }
  return { parameters, pooled, store };
}

async function featuresWith(numbers: ParameterStore): Promise<number[]> {
  const stream = randomStream(2, 'image');
  const image = float32(
    [1, 3, 32, 32],
    Float32Array.from({ length: 3072 }, () => stream.uniform(-1, 1)),
  );
  const { pooled } = network();
  return (await runGraph({ pooled }, { image }, { constants: (path) => numbers.get(path) })).pooled;
}

const proto = (name: string, { shape, data }: HostTensor) =>
  weights(name, shape, data as Float32Array);
const bare = (path: string) => path.slice('backbone.'.length);

test('names that only an Identity gives', async () => {
  const { parameters, store } = network();
  const [first, second] = [...store.keys()].filter((path) => path.endsWith('.running_mean'));
  store.set(second, store.get(first)!);
  const expected = await featuresWith(store);
  const protos = [...store].flatMap(([path, tensor]) =>
    path === second ? [] : [proto(bare(path), tensor)],
  );
  const path = await fileOf(protos, [node('Identity', [bare(first)], [bare(second)])]);
  const loaded = await loadWeights(path);
  expect(loaded.description.norms).toBe('train');
  const filled: ParameterStore = new Map();
  expect(fillFromWeights(parameters, filled, loaded, destination).unused).toEqual([]);
  expect(await featuresWith(filled)).toEqual(expected);
});

/** Convolutions with the norms behind them folded in, as exporters do: paths to weight and bias. */
function folded() {
  const { parameters, store } = network();
  const specs = [...parameters.specs.values()];
  const numbers = (path: string) => store.get(path)!.data as Float32Array;
  const convolutions = specs.flatMap(({ path, shape }, i) => {
    if (shape.length !== 4) return [];
    const [scale, shift, mean, variance] = specs.slice(i + 1, i + 5).map((s) => numbers(s.path));
    const inner = sizeOf(shape.slice(1));
    const factor = scale.map((s, c) => s / Math.sqrt(variance[c] + 1e-5));
    const weight = numbers(path).map((w, k) => w * factor[Math.floor(k / inner)]);
    const bias = shift.map((b, c) => b - mean[c] * factor[c]);
    const name = bare(path).replace(/\.weight$/, '');
    return [{ name, weight: float32(shape, weight), bias: float32([shape[0]], bias) }];
  });
  return { parameters, store, convolutions };
}

test.each([
  ['named after the weight', (name: string) => [`${name}.weight`, `${name}.weight_bias`]],
  ['with numbers for names', (name: string) => [`onnx::Conv_${name}`, `onnx::Bias_${name}`]],
  ['under their own names', (name: string) => [`${name}.weight`, `${name}.bias`]],
])('norms that were folded into convolutions, %s', async (_, names) => {
  const { parameters, store, convolutions } = folded();
  const protos: TensorProto[] = [];
  const nodes = convolutions.map(({ name, weight, bias }) => {
    const [w, b] = names(name);
    protos.push(proto(w, weight), proto(b, bias));
    return Object.assign(node('Conv', ['x', w, b], [`${name}_y`]), { name: scoped(name) });
  });
  const loaded = await loadWeights(await fileOf(protos, nodes));
  expect(loaded.description.norms).toBe('frozen');
  const filled: ParameterStore = new Map();
  expect(fillFromWeights(parameters, filled, loaded, destination).unused).toEqual([]);
  expect(await featuresWith(filled)).toBeAllClose(await featuresWith(store), {
    rtol: 1e-4,
    atol: 1e-5,
  });
});

/** As TorchScript's exporter names nodes: `layer1.0.conv1` is `/layer1/layer1.0/conv1/Conv`. */
function scoped(name: string): string {
  const parts = name.split('.');
  const scopes: string[] = [];
  for (const part of parts) {
    scopes.push(/^\d+$/.test(part) ? `${scopes.at(-1)}.${part}` : part);
  }
  return `/${scopes.join('/')}/Conv`;
}

test('the epsilon of folded norms is that of the network', async () => {
  const parameters = new Parameters();
  const image = input('image', [1, 3, 64, 64]);
  const googlenet = findBackbone('googlenet');
  const build = { norms: 'frozen', padding: 'torch' } as const;
  googlenet.features(parameters.root().child('backbone'), image, build);
  const protos = [...parameters.specs.values()].flatMap(({ path, shape }) => {
    if (shape.length !== 4) return [];
    const name = bare(path);
    return [weights(name, shape), weights(name.replace('.weight', '.bias'), [shape[0]])];
  });
  const store: ParameterStore = new Map();
  const loaded = await loadWeights(await fileOf(protos));
  fillFromWeights(parameters, store, loaded, { backbone: googlenet, classes: [] });
  const variance = store.get('backbone.conv1.bn.running_var')!.data;
  expect(variance[0]).toBeCloseTo(1 - 1e-3, 7);
});

test('metadata describes the input; another network is told how to export', async () => {
  const text = JSON.stringify({
    input: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], size: 224 },
    padding: 'same',
    norms: 'frozen',
  });
  const loaded = await loadWeights(await fileOf([whole('w', [1])], [], { fieldmark: text }));
  expect(loaded.description).toEqual(JSON.parse(text));
  const { parameters } = network();
  expect(() => fillFromWeights(parameters, new Map(), loaded, destination)).toThrow(
    /docs\/weights\.md\); or use the file as it is: --backbone onnx:FILE/,
  );
});

test('known by its bytes under any name, and safetensors stay what they are', async () => {
  const body = graph({ nodes: [], initializers: [weights('w', [2], [1, 2])], outputs: [] });
  const tensors = new Map([['w', float32([2], [3, 4])]]);
  const folder = await temporaryFolder({
    'weights.bin': modelBytes(body),
    'other.bin': Buffer.concat(encodeSafetensors(tensors)),
  });
  const read = async (name: string) =>
    (await loadWeights(join(folder, name))).tensors.get('w')?.data;
  expect(await read('weights.bin')).toEqual(Float32Array.of(1, 2));
  expect(await read('other.bin')).toEqual(Float32Array.of(3, 4));
});
