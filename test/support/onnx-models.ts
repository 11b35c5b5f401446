// Small ONNX models as an exporter elsewhere might write them, made of our protobuf schema.

import { create, toBinary } from '@bufbuild/protobuf';
import type { Shape } from '../../src/core/shape.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../../src/graph/onnx/generated/onnx_pb.ts';
import { uniformTensor } from './golden.ts';

/** ONNX's numbers of element types. */
export const onnxType = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;

type Attribute = number | string | readonly number[] | GraphProto;

/** One node. */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = '',
): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  const lists = { input: [...input], output: [...output] };
  return create(NodeProtoSchema, {
    name: `node_${output[0]}`,
    opType,
    domain,
    attribute,
    ...lists,
  });
}

function attributeOf(name: string, value: Attribute): AttributeProto {
  const set = (fields: object) => create(AttributeProtoSchema, { name, ...fields });
  if (typeof value === 'number') return set({ type: 2, i: BigInt(value) });
  if (typeof value === 'string') return set({ type: 3, s: new TextEncoder().encode(value) });
  if ('node' in value) return set({ type: 5, g: value });
  return set({ type: 7, ints: value.map(BigInt) });
}

/** Names and sizes: texts are free axes. */
export function valueInfo(
  name: string,
  dims: readonly (number | string)[] | undefined,
  elemType: number = onnxType.float32,
): ValueInfoProto {
  const dim = dims?.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  const value = { elemType, shape: dim && { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

/** A float32 initialiser. */
export function weights(
  name: string,
  dims: Shape,
  data: ArrayLike<number> = uniformTensor(name, dims),
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: onnxType.float32,
    rawData: new Uint8Array(Float32Array.from(data).buffer),
  });
}

/** An int64 initialiser, in the field that exporters use for small ones. */
export function whole(name: string, values: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(values.length)],
    dataType: onnxType.int64,
    int64Data: values.map(BigInt),
  });
}

/** A graph by itself: the body of an If. */
export function graph(parts: {
  nodes: NodeProto[];
  inputs?: ValueInfoProto[];
  outputs: ValueInfoProto[];
  initializers?: TensorProto[];
}): GraphProto {
  const { nodes, inputs = [], outputs, initializers = [] } = parts;
  const fields = { name: 'g', node: nodes, input: inputs, output: outputs };
  return create(GraphProtoSchema, { ...fields, initializer: initializers });
}

export interface ModelOptions {
  readonly opset?: number;
  readonly ir?: number;
  readonly domains?: Readonly<Record<string, number>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly functions?: ModelProto['functions'];
}

/** The model's bytes. */
export function modelBytes(
  body: GraphProto,
  { opset = 17, ir = 8, domains = {}, metadata = {}, functions = [] }: ModelOptions = {},
): Uint8Array {
  const versions = Object.entries({ ...(opset > 0 ? { '': opset } : {}), ...domains });
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(ir),
    producerName: 'a test',
    opsetImport: versions.map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: body,
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    functions,
  });
  return toBinary(ModelProtoSchema, model);
}

/** Channels of the tiny network's map. */
export const CHANNELS = 6;

/** Weights of the tiny network, [6, 3, 4, 4]. */
export const tinyKernel = uniformTensor('kernel', [CHANNELS, 3, 4, 4]);

export interface TinyOptions extends ModelOptions {
  readonly input?: ValueInfoProto;
  /** Behind the flattened average, which is called `flat`; the output is the last node's first. */
  readonly tail?: NodeProto[];
  readonly tailWeights?: TensorProto[];
  readonly outputs?: ValueInfoProto[];
}

/**
 * A network of one convolution of stride 4, `map`, a ReLU, `active`, and its average, `flat`, for
 * images [N, 3, 16, 16].
 */
export function tinyModel(options: TinyOptions = {}): Uint8Array {
  const {
    input = valueInfo('pixels', ['N', 3, 16, 16]),
    tail = [],
    tailWeights = [],
    outputs = [valueInfo(tail.at(-1)?.output[0] ?? 'flat', undefined)],
  } = options;
  const nodes = [
    node('Conv', [input.name, 'kernel'], ['map'], { strides: [4, 4], kernel_shape: [4, 4] }),
    node('Relu', ['map'], ['active']),
    node('GlobalAveragePool', ['active'], ['average']),
    node('Flatten', ['average'], ['flat'], { axis: 1 }),
    ...tail,
  ];
  const kernel = weights('kernel', [CHANNELS, 3, 4, 4], tinyKernel);
  const initializers = [kernel, ...tailWeights];
  return modelBytes(graph({ nodes, inputs: [input], outputs, initializers }), options);
}

/** The tiny network by plain loops: the map after its ReLU, [6, 4, 4], of pixels [3, 16, 16]. */
export function tinyMap(pixels: ArrayLike<number>): Float64Array {
  const out = new Float64Array(CHANNELS * 16);
  for (let k = 0; k < CHANNELS; k++)
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 4; x++) {
        let sum = 0;
        for (let c = 0; c < 3; c++)
          for (let i = 0; i < 4; i++)
            for (let j = 0; j < 4; j++) {
              const pixel = pixels[c * 256 + (4 * y + i) * 16 + 4 * x + j];
              sum += pixel * tinyKernel[k * 48 + c * 16 + i * 4 + j];
            }
        out[k * 16 + y * 4 + x] = Math.max(0, sum);
      }
  return out;
}

/** Averages over each plane of a map. */
export function planeMeans(map: ArrayLike<number>, channels: number): number[] {
  const area = map.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = 0; i < area; i++) sum += map[c * area + i];
    return sum / area;
  });
}
