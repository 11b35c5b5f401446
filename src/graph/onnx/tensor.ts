// The numbers of a tensor in an ONNX file, which may stand in one of several fields.

import { fail } from '../../core/errors.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { fromStored, storedWidths } from '../../core/stored-tensor.ts';
import type { HostTensor } from '../../core/tensor.ts';
import type { TensorProto } from './generated/onnx_pb.ts';

/** ONNX's types by number, as tensor files call them. */
const storedNames: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'U8',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  16: 'BF16',
};

/**
 * A copy of a tensor's numbers; half precision is widened to float32. Undefined for types unknown
 * to us and for numbers in another file. FM_FORMAT where shape and numbers disagree.
 */
export function readTensor(tensor: TensorProto, where: string): HostTensor | undefined {
  const type = storedNames[tensor.dataType];
  if (type === undefined || isExternal(tensor)) return undefined;
  const shape: Shape = tensor.dims.map(Number);
  const bytes = bytesIn(tensor, type);
  const expected = sizeOf(shape) * storedWidths[type];
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || bytes.length !== expected) {
    throw damagedOnnx(
      where,
      `${bytes.length} bytes for '${tensor.name}' of shape [${shape.join(', ')}]`,
    );
  }
  return fromStored(type, shape, bytes);
}

/** True where the numbers stand in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation !== 0;
}

/** The numbers as `rawData` would have them, in memory of their own. */
function bytesIn(tensor: TensorProto, type: string): Uint8Array {
  if (tensor.rawData.length > 0) return Uint8Array.from(tensor.rawData); // aligned
  const numbers = {
    F32: () => Float32Array.from(tensor.floatData),
    F64: () => Float64Array.from(tensor.doubleData),
    I64: () => BigInt64Array.from(tensor.int64Data),
    I32: () => Int32Array.from(tensor.int32Data),
    F16: () => Uint16Array.from(tensor.int32Data),
    BF16: () => Uint16Array.from(tensor.int32Data),
    U8: () => Uint8Array.from(tensor.int32Data),
    BOOL: () => Uint8Array.from(tensor.int32Data),
  }[type]!();
  return new Uint8Array(numbers.buffer);
}

/** The error for bytes that are no ONNX model. */
export function damagedOnnx(where: string, got: string) {
  return fail('FM_FORMAT', where, {
    expected: 'an ONNX model with a graph',
    got,
    next: 'The file is damaged or not an ONNX model; write it again.',
  });
}
