// Reads an ONNX model's bytes: what goes in, what comes out, the constants and the metadata.

import { fromBinary } from '@bufbuild/protobuf';
import type { DType, HostTensor } from '../../core/tensor.ts';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
} from './generated/onnx_pb.ts';
import { onnxTypes } from './protos.ts';
import { damagedOnnx, readTensor } from './tensor.ts';

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
  /**
   * Constants by name, as copies of the file's numbers, half precision widened. Types unknown to us
   * are left out, and so are numbers that stand in another file.
   */
  readonly constants: ReadonlyMap<string, HostTensor>;
}

const typeNames = new Map(Object.entries(onnxTypes).map(([name, id]) => [id, name as DType]));

/** Parses a model. `where` names it in errors. */
export function readOnnx(bytes: Uint8Array, where = 'model'): OnnxModel {
  const { graph, metadataProps } = parseOnnx(bytes, where);
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

/** A model as it stands in the file. FM_FORMAT where the bytes are none, or one without a graph. */
export function parseOnnx(bytes: Uint8Array, where: string): ModelProto & { graph: GraphProto } {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw damagedOnnx(where, (cause as Error).message);
  }
  const { graph } = model;
  if (graph === undefined) throw damagedOnnx(where, 'none');
  return { ...model, graph };
}

function readValue({ name, type }: ValueInfoProto): OnnxValue {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const shape = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : (value.value ?? '?'),
  );
  return { name, dtype: typeNames.get(tensor?.elemType ?? 0), shape };
}
