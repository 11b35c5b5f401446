// Changes to models that are written already; what is not touched keeps its bytes' meaning.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
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

function inputLike({ name, dataType: elemType, dims }: TensorProto) {
  const dim = dims.map((size) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: size } }),
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}
