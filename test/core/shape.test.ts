// Shapes, strides and broadcasting, against hand-computed cases and a naive model.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  broadcastShapes,
  broadcastStrides,
  normaliseAxis,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from '../../src/core/shape.ts';
import { bytesOf, float32, hostTensor, int64 } from '../../src/core/tensor.ts';

test('sizes and strides', () => {
  expect([sizeOf([]), sizeOf([2, 3, 4]), sizeOf([5, 0])]).toEqual([1, 24, 0]);
  expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
  expect(stridesOf([])).toEqual([]);
});

test('comparison, text and axes from the end', () => {
  expect(sameShape([1, 2], [1, 2])).toBe(true);
  expect(sameShape([1, 2], [1, 2, 1])).toBe(false);
  expect(sameShape([1, 2], [2, 1])).toBe(false);
  expect(showShape([2, 3])).toBe('[2, 3]');
  expect([normaliseAxis(-1, 3), normaliseAxis(1, 3)]).toEqual([2, 1]);
});

test.each([
  { a: [2, 3], b: [3], out: [2, 3] },
  { a: [4, 1], b: [1, 5], out: [4, 5] },
  { a: [], b: [2], out: [2] },
  { a: [0], b: [1], out: [0] },
  { a: [2], b: [3], out: undefined },
  { a: [2, 1, 3], b: [4, 2], out: undefined },
])('broadcast of $a and $b is $out', ({ a, b, out }) => {
  expect(broadcastShapes(a, b)).toEqual(out);
  expect(broadcastShapes(b, a)).toEqual(out);
});

test('broadcast strides walk an array as if it had been repeated', () => {
  const dims = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(dims, fc.infiniteStream(fc.boolean()), fc.nat(4), (target, ones, drop) => {
      const own = target
        .slice(Math.min(drop, target.length))
        .map((d) => (ones.next().value ? 1 : d));
      const strides = broadcastStrides(own, target);
      const at = stridesOf(target);
      for (let i = 0; i < sizeOf(target); i++) {
        const index = target.map((dim, axis) => Math.floor(i / at[axis]) % dim);
        const fast = index.reduce((sum, v, axis) => sum + v * strides[axis], 0);
        const tail = index.slice(target.length - own.length);
        const ownStrides = stridesOf(own);
        const slow = tail.reduce((s, v, axis) => s + (v % own[axis]) * ownStrides[axis], 0);
        expect(fast).toBe(slow);
      }
    }),
  );
});

test('tensors refuse data of another length and show their bytes without a copy', () => {
  expect(() => float32([2, 2], [1, 2, 3])).toThrow('expected 4 elements for [2, 2], got 3');
  const data = new Float32Array([1, 2, 3, 4]);
  const tensor = hostTensor('float32', [2], data.subarray(1, 3));
  expect(bytesOf(tensor)).toEqual(new Uint8Array(data.buffer, 4, 8));
  expect(bytesOf(tensor).buffer).toBe(data.buffer);
  expect(int64([2], [1, -2]).data).toEqual(BigInt64Array.of(1n, -2n));
});
