// Host tensors: typed arrays with a shape. No arithmetic lives here; that is the graph's work.

import { type Shape, showShape, sizeOf } from './shape.ts';

/** Element types that cross the boundary between host and graph. */
export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool';

export interface TensorDataOf {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** A dense row-major array. `data.length` equals the product of `shape`. */
export interface HostTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: TensorDataOf[D];
}

/** Wraps data without copying it. Throws a RangeError when the length does not fit the shape. */
export function hostTensor<D extends DType>(
  dtype: D,
  shape: Shape,
  data: TensorDataOf[D],
): HostTensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(
      `hostTensor: expected ${sizeOf(shape)} elements for ${showShape(shape)}, got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

export function float32(shape: Shape, data: ArrayLike<number>): HostTensor<'float32'> {
  return hostTensor(
    'float32',
    shape,
    data instanceof Float32Array ? data : Float32Array.from(data),
  );
}

export function int64(shape: Shape, data: ArrayLike<number>): HostTensor<'int64'> {
  return hostTensor('int64', shape, BigInt64Array.from(Array.from(data, BigInt)));
}

export function zeros(shape: Shape): HostTensor<'float32'> {
  return hostTensor('float32', shape, new Float32Array(sizeOf(shape)));
}

/** Bytes of one element. */
export const bytesPerElement: Record<DType, number> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

/** The tensor's bytes as a view, without a copy. */
export function bytesOf(tensor: HostTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
