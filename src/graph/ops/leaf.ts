// Leaves of a graph: inputs, constants and parameters. They compute nothing.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { type DType, type HostTensor, hostTensor } from '../../core/tensor.ts';
import { graphError, type ParameterAttrs, type TensorType } from '../tensor-type.ts';
import { apply, type Op, type Value } from '../value.ts';

/** A tensor that the caller feeds at every run. */
export const inputOp: Op<{ name: string; type: TensorType }> = {
  name: 'input',
  vjp: 'zero',
  infer: (_, { type }) => [type],
  portable: (b, node) => [b.graphInput(node.attrs.name, node.attrs.type)],
  reference: (_, { name }) => {
    throw graphError('reference', `a value for input '${name}'`, 'none');
  },
};

/** A tensor that is part of the graph. */
export const constantOp: Op<{ tensor: HostTensor }> = {
  name: 'constant',
  vjp: 'zero',
  infer: (_, { tensor }) => [{ shape: tensor.shape, dtype: tensor.dtype }],
  portable: (b, node) => [b.constant(node.attrs.tensor)],
  reference: (_, { tensor }) => [Float64Array.from(tensor.data as ArrayLike<number>, Number)],
};

/**
 * A constant that keeps its name in the written file, so that whoever holds the file can give it
 * other numbers. It is not folded into others.
 */
export const settableOp: Op<{ name: string; tensor: HostTensor }> = {
  name: 'settable',
  vjp: 'zero',
  infer: (_, { tensor }) => [{ shape: tensor.shape, dtype: tensor.dtype }],
  portable: (b, node) => [b.namedConstant(node.attrs.name, node.attrs.tensor)],
  reference: (_, { tensor }) => [Float64Array.from(tensor.data as ArrayLike<number>, Number)],
};

/** A tensor known by its path; its numbers live outside the graph. */
export const parameterOp: Op<ParameterAttrs> = {
  name: 'parameter',
  vjp: 'zero',
  infer: (_, { type }) => [type],
  portable: (b, node) => [b.parameter(node.attrs)],
  reference: (_, { path }) => {
    throw graphError('reference', `numbers for parameter '${path}'`, 'none');
  },
};

export function input(name: string, shape: Shape, dtype: DType = 'float32'): Value {
  return apply(inputOp, [], { name, type: { shape, dtype } });
}

export function constant(tensor: HostTensor): Value {
  return apply(constantOp, [], { tensor });
}

/** A constant that can be given other numbers in the written file. */
export function settable(name: string, tensor: HostTensor): Value {
  return apply(settableOp, [], { name, tensor });
}

/** A float32 scalar. */
export function scalar(value: number): Value {
  return constant(hostTensor('float32', [], new Float32Array([value])));
}

/** A float32 tensor filled with one number. */
export function filled(shape: Shape, value: number): Value {
  return constant(hostTensor('float32', shape, new Float32Array(sizeOf(shape)).fill(value)));
}

export function parameter(attrs: ParameterAttrs): Value {
  return apply(parameterOp, [], attrs);
}
