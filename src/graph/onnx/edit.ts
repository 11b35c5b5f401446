// Changes to models that are written already; what is not touched keeps its bytes' meaning.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts';

/**
 * The model with a named constant turned into an input of the same name, type and shape, to be fed
 * in each run; undefined where it has no such constant. `bytes` must be a model (`readOnnx`).
 */
export function constantToInput(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  const at = graph?.initializer.findIndex((tensor) => tensor.name === name) ?? -1;
  if (graph === undefined || at < 0) return undefined;
  const [tensor] = graph.initializer.splice(at, 1);
  graph.input.push(inputLike(tensor));
  return toBinary(ModelProtoSchema, model);
}

/**
 * The model without some of its outputs, and without what only they need. Names that it has no output
 * of are passed over. `bytes` must be a model (`readOnnx`).
 */
export function withoutOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  if (graph === undefined) return bytes;
  graph.output = graph.output.filter(({ name }) => !names.includes(name));
  const needed = new Set(graph.output.map(({ name }) => name));
  // nodes stand behind those that they depend on
  graph.node = graph.node
    .reverse()
    .filter((node) => {
      if (!node.output.some((name) => needed.has(name))) return false;
      for (const name of readBy([node])) needed.add(name);
      return true;
    })
    .reverse();
  graph.initializer = graph.initializer.filter(({ name }) => needed.has(name));
  return toBinary(ModelProtoSchema, model);
}

/** What nodes read, those of their inner graphs included. */
function readBy(nodes: readonly NodeProto[]): string[] {
  return nodes.flatMap(({ input, attribute }) => [
    ...input,
    ...attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]).flatMap(readIn),
  ]);
}

function readIn({ node, output }: GraphProto): string[] {
  return [...readBy(node), ...output.map(({ name }) => name)];
}

function inputLike({ name, dataType: elemType, dims }: TensorProto) {
  const dim = dims.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: size } }),
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
