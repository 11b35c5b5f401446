// Reads an ONNX model's bytes: what goes in, what comes out, the constants and the metadata.

import { fromBinary } from '@bufbuild/protobuf';
import { fail } from '../../core/errors.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { bytesPerElement, type DType, type HostTensor, hostTensor } from '../../core/tensor.ts';
import { onnxTypes } from './builder.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb.ts';

/** An input or output. A free axis has its name instead of a size. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Operators in use, with how often. */
  readonly operators: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Constants by name, as copies of the file's bytes. Types unknown to us are left out. */
  readonly constants: ReadonlyMap<string, HostTensor>;
}

const typeNames = new Map(Object.entries(onnxTypes).map(([name, id]) => [id, name as DType]));

/** Parses a model. `where` names it in errors. */
export function readOnnx(bytes: Uint8Array, where = 'model'): OnnxModel {
  const { graph, metadataProps } = parse(bytes, where);
  if (graph === undefined) throw damaged(where, 'none');
  const operators = new Map<string, number>();
  for (const { opType, domain } of graph.node) {
    const name = domain === '' ? opType : `${domain}.${opType}`;
    operators.set(name, (operators.get(name) ?? 0) + 1);
  }
  const constants = new Map<string, HostTensor>();
  for (const tensor of graph.initializer) {
    const value = readTensor(tensor, where);
    if (value !== undefined) constants.set(tensor.name, value);
  }
  return {
    inputs: graph.input.map(readValue),
    outputs: graph.output.map(readValue),
    operators,
    metadata: new Map(metadataProps.map(({ key, value }) => [key, value])),
    constants,
  };
}

function parse(bytes: Uint8Array, where: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw damaged(where, (cause as Error).message);
  }
}

function damaged(where: string, got: string) {
  return fail('FM_FORMAT', where, {
    expected: 'an ONNX model with a graph',
    got,
    next: 'The file is damaged or not an ONNX model; write it again.',
  });
}

function readValue({ name, type }: ValueInfoProto): OnnxValue {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const shape = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : (value.value ?? '?'),
  );
  return { name, dtype: typeNames.get(tensor?.elemType ?? 0), shape };
}

function readTensor(tensor: TensorProto, where: string): HostTensor | undefined {
  const dtype = typeNames.get(tensor.dataType);
  const shape: Shape = tensor.dims.map(Number);
  // numbers in other fields than rawData are not written by us, nor kept apart from the file
  if (dtype === undefined || tensor.dataLocation !== 0 || tensor.rawData.length === 0) {
    return undefined;
  }
  const expected = sizeOf(shape) * bytesPerElement[dtype];
  if (tensor.rawData.length !== expected) {
    throw damaged(where, `${tensor.rawData.length} bytes for '${tensor.name}', not ${expected}`);
  }
  const { buffer } = Uint8Array.from(tensor.rawData); // aligned
  const views = {
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
    int32: () => new Int32Array(buffer),
    int64: () => new BigInt64Array(buffer),
    uint8: () => new Uint8Array(buffer),
    bool: () => new Uint8Array(buffer),
  };
  return hostTensor(dtype, shape, views[dtype]());
}
