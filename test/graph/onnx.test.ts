// ONNX bytes out and in: what the builder wrote is what the reader finds.
import { expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import { float32 } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import { readOnnx } from '../../src/graph/onnx/reader.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';

function model(freeBatch?: string): Uint8Array {
  const x = input('x', [2, 3]);
  const w = constant(float32([3], [1, 2, 3]));
  return lower({ y: add(mul(x, w), w) }, { freeBatch, metadata: { licence: 'MIT' } }).bytes;
}

test('inputs, outputs, operators, constants and metadata come back', () => {
  const read = readOnnx(model());
  expect(read.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: [2, 3] }]);
  expect(read.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: [2, 3] }]);
  expect(Object.fromEntries(read.operators)).toEqual({ Mul: 1, Add: 1 });
  expect([...read.constants.values()]).toEqual([float32([3], [1, 2, 3])]);
  expect(read.metadata.get('licence')).toBe('MIT');
});

test('a free batch axis keeps its name', () => {
  expect(readOnnx(model('batch')).inputs[0].shape).toEqual(['batch', 3]);
});

test('damaged bytes are one clear error', () => {
  const whole = model();
  expect(() => readOnnx(whole.subarray(0, whole.length - 7), 'm.onnx')).toThrow(FieldmarkError);
  expect(() => readOnnx(new TextEncoder().encode('not a model'), 'm.onnx')).toThrow(
    /^m\.onnx: expected/,
  );
});

test('an output cannot take the name of an input', () => {
  const x = input('x', [1]);
  expect(() => lower({ x: add(x, 1) })).toThrow(/output 'x': expected a name of its own/);
});
