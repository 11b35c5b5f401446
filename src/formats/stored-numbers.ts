// Tensors out of the numbers that they share.

import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { fromStored, storedWidths } from '../core/stored-tensor.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { ByteSource } from './byte-source.ts';
import type { Storage, StoredTensor } from './torch-objects.ts';

/** Numbers of all tensors for each one stored: tied weights have two, a hostile file any number. */
const MAX_SHARING = 8;

/** The bytes of storages by key. */
export type Numbers = Map<string, Uint8Array>;

/** The storages of some tensors by key. */
export function storagesOf(tensors: ReadonlyMap<string, StoredTensor>): Map<string, Storage> {
  return new Map([...tensors.values()].map(({ storage }) => [storage.key, storage]));
}

/** The tensors out of their storages; those that lie in order share its memory. */
export function takeTensors(
  source: ByteSource,
  tensors: ReadonlyMap<string, StoredTensor>,
  numbers: Numbers,
): Map<string, HostTensor> {
  const all = [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const stored = [...storagesOf(tensors).values()].reduce((sum, { count }) => sum + count, 0);
  if (all > MAX_SHARING * stored) throw source.damaged('tensors of their own', 'too many of one');
  const out = new Map<string, HostTensor>();
  for (const [name, { storage, offset, shape, strides }] of tensors) {
    const bytes = numbers.get(storage.key)!;
    const width = storedWidths[storage.dtype];
    if (bytes.length < storage.count * width) {
      throw source.damaged(`${storage.count} numbers for '${name}'`, String(bytes.length / width));
    }
    const own = inOrder(shape, strides)
      ? bytes.subarray(offset * width, (offset + sizeOf(shape)) * width)
      : gathered(bytes, width, offset, shape, strides);
    out.set(name, fromStored(storage.dtype, shape, own));
  }
  return out;
}

function inOrder(shape: Shape, strides: readonly number[]): boolean {
  const dense = stridesOf(shape);
  return shape.every((size, i) => size <= 1 || strides[i] === dense[i]);
}

/** A tensor that lies in another order, such as channels_last, in row-major order. */
function gathered(
  bytes: Uint8Array,
  width: number,
  offset: number,
  shape: Shape,
  strides: readonly number[],
): Uint8Array {
  const out = new Uint8Array(sizeOf(shape) * width);
  const index = new Array<number>(shape.length).fill(0);
  for (let to = 0; to < out.length; to += width) {
    const at = index.reduce((sum, i, axis) => sum + i * strides[axis], offset) * width;
    out.set(bytes.subarray(at, at + width), to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return out;
}
