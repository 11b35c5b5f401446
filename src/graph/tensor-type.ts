// Shapes and element types, as graphs and their lowerings speak of them.

import { FieldmarkError } from '../core/errors.ts';
import { type Shape, showShape } from '../core/shape.ts';
import type { DType } from '../core/tensor.ts';

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface ParameterAttrs {
  /** Dotted path, torchvision's name: `backbone.layer1.0.conv1.weight`. */
  readonly path: string;
  readonly type: TensorType;
  /** Trainable parameters become inputs and outputs of the step; others become constants. */
  readonly trainable: boolean;
}

/** The error for values that do not fit an op. */
export function graphError(where: string, expected: string, got: string): FieldmarkError {
  return new FieldmarkError('FM_GRAPH', where, {
    expected,
    got,
    next: 'Check the shapes where the graph is built.',
  });
}

/** `float32 [2, 3]`, for messages. */
export function showType(type: TensorType): string {
  return `${type.dtype} ${showShape(type.shape)}`;
}
