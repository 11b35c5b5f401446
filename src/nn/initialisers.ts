// First numbers of parameters.

import type { RandomStream } from '../core/random.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { float32 } from '../core/tensor.ts';
import type { Initialiser } from './scope.ts';

function drawn(shape: Shape, draw: () => number) {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = draw();
  return float32(shape, data);
}

export function filledWith(value: number): Initialiser {
  return (shape) => float32(shape, new Float32Array(sizeOf(shape)).fill(value));
}

/** Normal with the given standard deviation. */
export function normal(deviation: number): Initialiser {
  return (shape: Shape, stream: RandomStream) => drawn(shape, () => stream.normal(0, deviation));
}

/**
 * He et al. 2015 (arXiv 1502.01852), fan out, for ReLU networks: deviation sqrt(2 / fan_out),
 * where fan_out is out channels times kernel area, divided by the groups.
 */
export function heFanOut(groups = 1): Initialiser {
  return (shape, stream) => {
    const fanOut = (shape[0] * sizeOf(shape.slice(2))) / groups;
    return normal(Math.sqrt(2 / fanOut))(shape, stream);
  };
}
