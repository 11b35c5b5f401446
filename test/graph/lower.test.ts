// Lowering: equal graphs give equal bytes, the bytes say what the graph is, and a free batch axis
// is free.
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { float32, type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower, parametersOf } from '../../src/graph/lower.ts';
import type { LowerOptions } from '../../src/graph/lowered.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
} from '../../src/graph/onnx/generated/onnx_pb.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { conv2d } from '../../src/graph/ops/conv.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { gemm } from '../../src/graph/ops/matmul.ts';
import { globalAveragePool } from '../../src/graph/ops/pool.ts';
import { softmax } from '../../src/graph/ops/reduce.ts';
import { relu } from '../../src/graph/ops/unary.ts';
import type { Value } from '../../src/graph/value.ts';
import { backbones } from '../../src/nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { filledWith } from '../../src/nn/initialisers.ts';
import { linear } from '../../src/nn/layers.ts';
import { crossEntropy } from '../../src/nn/losses.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { foldConstants } from '../../src/runtime/fold.ts';
import { createSession } from '../../src/runtime/node.ts';
import { fillTensor, uniformTensor } from '../support/golden.ts';

const decode = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);

/** image [2, 3, 5, 5] to class probabilities, and the parameters' gradients: built afresh. */
function smallNetwork() {
  const parameters = new Parameters();
  const scope = parameters.root();
  const one = filledWith(1);
  const image = input('image', [2, 3, 5, 5]);
  const kernel = scope.parameter('kernel', [4, 3, 3, 3], 'weight', one);
  const map = relu(conv2d(image, kernel, undefined, { pads: 1, strides: 2 }));
  const weight = scope.parameter('weight', [4, 6], 'weight', one);
  const logits = gemm(globalAveragePool(map), weight, scope.parameter('bias', [6], 'bias', one));
  const loss = crossEntropy(logits, input('targets', [2, 6]));
  const wrt = parameters.trainable();
  const outputs: Record<string, Value> = { probabilities: softmax(logits), loss };
  gradients(
    loss,
    wrt.map(({ value }) => value),
  ).forEach((g, i) => {
    outputs[`grad:${wrt[i].spec.path}`] = g;
  });
  const store: ParameterStore = new Map();
  initialise(parameters, store, 0);
  return { outputs, store };
}

describe('bytes', () => {
  test('are the same for two graphs built alike', () => {
    const [first, second] = [smallNetwork(), smallNetwork()];
    expect(lower(second.outputs)).toEqual(lower(first.outputs));
    const constants = (path: string) => first.store.get(path);
    expect(lower(second.outputs, { constants })).toEqual(lower(first.outputs, { constants }));
  });

  test('are the same when one graph is lowered twice', () => {
    const { outputs } = smallNetwork();
    expect(lower(outputs).bytes).toEqual(lower(outputs).bytes);
  });

  test('differ when an attribute differs', () => {
    const x = input('x', [1, 1, 5, 5]);
    const w = input('w', [1, 1, 3, 3]);
    const padded = (pads: number) => lower({ y: conv2d(x, w, undefined, { pads }) }).bytes;
    expect(padded(0)).not.toEqual(padded(1));
  });
});

describe('the decoded model', () => {
  const { outputs, store } = smallNetwork();
  const names = (values: readonly { name: string }[] = []) => values.map(({ name }) => name);

  test('names its inputs and outputs, with shapes', () => {
    const lowered = lower(outputs);
    const { graph } = decode(lowered.bytes);
    expect(names(graph!.output)).toEqual(Object.keys(outputs));
    expect(lowered.outputs).toEqual(Object.keys(outputs));
    expect(names(graph!.input).sort()).toEqual(['bias', 'image', 'kernel', 'targets', 'weight']);
    expect([...lowered.inputs].sort()).toEqual(names(graph!.input).sort());
    expect(dimensions(graph!.input.find(({ name }) => name === 'kernel'))).toEqual([4, 3, 3, 3]);
    expect(dimensions(graph!.output.find(({ name }) => name === 'loss'))).toEqual([]);
  });

  test('keeps given numbers of parameters inside, under their paths', () => {
    const lowered = lower(outputs, { constants: (path) => store.get(path) });
    const { graph } = decode(lowered.bytes);
    expect([...lowered.inputs].sort()).toEqual(['image', 'targets']);
    expect(names(graph!.input).sort()).toEqual(['image', 'targets']);
    expect(names(graph!.initializer)).toEqual(expect.arrayContaining(['kernel', 'weight', 'bias']));
  });

  test('is in single assignment: every name is defined once, before it is read', () => {
    const { graph } = decode(lower(outputs).bytes);
    const defined = new Set([...names(graph!.input), ...names(graph!.initializer)]);
    for (const node of graph!.node) {
      for (const name of node.input) expect(defined, node.name).toContain(name);
      for (const name of node.output) {
        expect(defined, node.name).not.toContain(name);
        defined.add(name);
      }
    }
  });

  test('says who wrote it, for which operator set, and carries the metadata', () => {
    const model = decode(lower(outputs, { metadata: { classes: 'wren,robin' } }).bytes);
    expect(model.producerName).toBe('fieldmark');
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ['classes', 'wren,robin'],
    ]);
  });

  test('shares equal small constants, and nothing else', () => {
    const x = input('x', [2]);
    const y = add(mul(mul(x, 3), 3), 4);
    const { graph } = decode(lower({ y }).bytes);
    expect(graph!.initializer.length).toBe(2);
  });

  test('parametersOf lists each parameter once, in the order of use', () => {
    const paths = parametersOf(Object.values(outputs)).map(
      ({ node }) => (node.attrs as { path: string }).path,
    );
    expect(paths).toEqual(['kernel', 'weight', 'bias']);
  });
});

/** Sizes of a tensor, or the names of free axes. */
function dimensions(info: ValueInfoProto | undefined): (number | string)[] {
  const type = info?.type?.value;
  if (type?.case !== 'tensorType') throw new Error('expected a tensor');
  return type.value.shape!.dim.map(({ value }) =>
    value.case === 'dimParam' ? value.value : Number(value.value),
  );
}

/** A recogniser's forward pass over uint8 images, with generated weights. */
function recogniser(backbone: (typeof backbones)[number], batch: number, size: number) {
  const parameters = new Parameters();
  const scale = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
  const image = normaliseImage(imageInput(batch, size), scale);
  const root = parameters.root();
  const build = { norms: 'frozen', padding: 'torch' } as const;
  const { pooled, map } = backbone.features(root.child('backbone'), image, build);
  const probabilities = softmax(linear(root.child('head'), pooled, 5));
  const numbers = new Map<string, HostTensor>();
  for (const { path, shape } of parameters.specs.values()) {
    numbers.set(path, float32(shape, fillTensor(path, shape, { runningVar: [3, 4] })));
  }
  return { outputs: { probabilities, map }, constants: (path: string) => numbers.get(path) };
}

/** Runs a model on the first `batch` of five fixed images; rows of each output. */
async function run(bytes: Uint8Array, batch: number, size: number) {
  const pixels = uniformTensor('pixels', [5, size, size, 3], { low: 0, high: 256 });
  const data = Uint8Array.from(pixels.subarray(0, batch * size * size * 3));
  const session = await createSession(bytes, { threads: 1 });
  const results = await session.run({ image: hostTensor('uint8', [batch, size, size, 3], data) });
  await session.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { shape, data: numbers }]) => {
      expect(shape[0]).toBe(batch);
      return [name, (numbers as Float32Array).subarray(0, numbers.length / batch)];
    }),
  );
}

describe('a free batch axis', () => {
  const size = 32;
  // one VGG speaks for all: each has half a gigabyte of weights
  const some = backbones.filter(({ name }) => !/^vgg(11_bn|13|16|19)/.test(name));

  test.each(some.map((backbone) => [backbone.name, backbone] as const))(
    '%s gives one image the same answer alone and among five',
    async (name, backbone) => {
      const side = /^(alexnet|vgg_m)$/.test(name) ? 96 : size;
      const { outputs, constants } = recogniser(backbone, 2, side);
      const { bytes } = lower(outputs, { constants, freeBatch: 'batch' });
      const [alone, among] = [await run(bytes, 1, side), await run(bytes, 5, side)];
      expect(among.probabilities).toBeAllClose(alone.probabilities, { rtol: 1e-5 });
      expect(among.map).toBeAllClose(alone.map, { rtol: 1e-4, atol: 1e-5 });
    },
  );

  test('is called what the caller says, on inputs and outputs alike', () => {
    const x = input('x', [2, 3]);
    const { graph } = decode(lower({ y: mul(x, 2) }, { freeBatch: 'rows' }).bytes);
    expect(dimensions(graph!.input[0])).toEqual(['rows', 3]);
    expect(dimensions(graph!.output[0])).toEqual(['rows', 3]);
  });

  test('folding constants changes the answer by rounding at most', async () => {
    const backbone = backbones.find(({ name }) => name === 'resnet_tiny')!;
    const { outputs, constants } = recogniser(backbone, 2, size);
    const options: LowerOptions = { constants, freeBatch: 'batch' };
    const known = await foldConstants(Object.values(outputs), constants);
    const folded = lower(outputs, { ...options, known }).bytes;
    const plain = lower(outputs, options).bytes;
    expect(decode(folded).graph!.node.length).toBeLessThan(decode(plain).graph!.node.length);
    const [a, b] = [await run(folded, 3, size), await run(plain, 3, size)];
    expect(a.probabilities).toBeAllClose(b.probabilities, { rtol: 1e-5 });
  });
});
