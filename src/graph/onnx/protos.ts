// Types, tensors and attributes as messages of the ONNX schema.

import { create } from '@bufbuild/protobuf';
import { bytesOf, type DType, type HostTensor } from '../../core/tensor.ts';
import type { TensorType } from '../tensor-type.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './generated/onnx_pb.ts';

/** Attribute values: whole numbers become ints, `{ float }` floats, arrays ints, text strings. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** ONNX element type numbers. */
export const onnxTypes: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

/** A graph's output: of any shape where none is given. */
export type OutputType = Pick<TensorType, 'dtype'> & Partial<TensorType>;

/** An input or output; `freeBatch` names its leading axis in place of a size. */
export function valueInfo(name: string, type: OutputType, freeBatch?: string): ValueInfoProto {
  const dim = type.shape?.map((size, axis) =>
    axis === 0 && freeBatch !== undefined
      ? { value: { case: 'dimParam' as const, value: freeBatch } }
      : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: onnxTypes[type.dtype], shape: dim && { dim } },
      },
    },
  });
}

/** An initializer. */
export function tensorProto(name: string, tensor: HostTensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: tensor.shape.map(BigInt),
    dataType: onnxTypes[tensor.dtype],
    rawData: bytesOf(tensor),
  });
}

/** An attribute of a node. */
export function attributeProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: 2, i: BigInt(value) });
  }
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: 3, s: new TextEncoder().encode(value) });
  }
  if ('float' in value) return create(AttributeProtoSchema, { name, type: 1, f: value.float });
  if ('floats' in value) {
    return create(AttributeProtoSchema, { name, type: 6, floats: [...value.floats] });
  }
  return create(AttributeProtoSchema, { name, type: 7, ints: value.map(BigInt) });
}
