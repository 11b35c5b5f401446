// Numbers as tensor files store them, little-endian, and as tensors of ours.

import type { Shape } from './shape.ts';
import { type HostTensor, hostTensor } from './tensor.ts';

/** Types that files may hold, by safetensors' names, with bytes for each number. */
export const storedWidths: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
  BOOL: 1,
};

/**
 * The tensor whose numbers are `bytes`, which must be aligned to their width. It shares memory with
 * them, but for half precision, which is widened to float32.
 */
export function fromStored(dtype: string, shape: Shape, bytes: Uint8Array): HostTensor {
  const { buffer, byteOffset, length } = bytes;
  const count = length / storedWidths[dtype];
  const b = buffer as ArrayBuffer;
  switch (dtype) {
    case 'F64':
      return hostTensor('float64', shape, new Float64Array(b, byteOffset, count));
    case 'F32':
      return hostTensor('float32', shape, new Float32Array(b, byteOffset, count));
    case 'I64':
      return hostTensor('int64', shape, new BigInt64Array(b, byteOffset, count));
    case 'I32':
      return hostTensor('int32', shape, new Int32Array(b, byteOffset, count));
    case 'U8':
      return hostTensor('uint8', shape, new Uint8Array(b, byteOffset, count));
    case 'BOOL':
      return hostTensor('bool', shape, new Uint8Array(b, byteOffset, count));
    default:
      return hostTensor('float32', shape, widen(dtype, new Uint16Array(b, byteOffset, count)));
  }
}

function widen(dtype: string, halves: Uint16Array): Float32Array {
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer);
  return Float32Array.from(halves, halfToNumber);
}

/** IEEE 754 binary16. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
