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
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Types that cannot be read here, in words; others are called as the file calls them. */
const typeWords: Readonly<Record<string, string>> = {
  I8: 'int8',
  I16: 'int16',
  U16: 'uint16',
  U32: 'uint32',
  U64: 'uint64',
  C64: 'complex64',
  C128: 'complex128',
  QI8: 'int8 (quantised)',
  QU8: 'uint8 (quantised)',
  QI32: 'int32 (quantised)',
};

/** A type of a file in words, for messages. */
export function typeInWords(dtype: string): string {
  return Object.hasOwn(typeWords, dtype) ? typeWords[dtype] : dtype.slice(0, 100);
}

/**
 * The tensor whose numbers are `bytes`, which must be aligned to their width. It shares memory with
 * them, but for floats of 8 and 16 bits, which are widened to float32.
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
      return hostTensor('float32', shape, widen(dtype, bytes));
  }
}

function widen(dtype: string, bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = bytes;
  if (Object.hasOwn(eightBits, dtype)) return lookUp(bytes, eightBits[dtype]());
  const halves = new Uint16Array(buffer, byteOffset, length / 2);
  if (dtype === 'F16') return lookUp(halves, sixteenBits());
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** A plain loop over a table: a call for each of 10^7 numbers takes seconds. */
function lookUp(codes: Uint8Array | Uint16Array, table: Float32Array): Float32Array {
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]];
  return out;
}

/** All numbers of a type by their bits, computed when they are first asked for. */
function tableOf(size: number, toNumber: (code: number) => number): () => Float32Array {
  let table: Float32Array | undefined;
  return () => {
    table ??= Float32Array.from({ length: size }, (_, code) => toNumber(code));
    return table;
  };
}

const sixteenBits = tableOf(2 ** 16, halfToNumber);
const eightBits: Readonly<Record<string, () => Float32Array>> = {
  F8_E4M3: tableOf(256, eightBitsToNumber),
  // the upper half of binary16
  F8_E5M2: tableOf(256, (byte) => halfToNumber(byte << 8)),
};

/** IEEE 754 binary16. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** E4M3 without infinities (Micikevicius et al., arXiv 2209.05433): all ones is not a number. */
function eightBitsToNumber(byte: number): number {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 15;
  const fraction = byte & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  return sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}
