// Poolings that torch has and ONNX Runtime's operators do not: made of those that there are.

import { float32 } from '../core/tensor.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { avgPool, maxPool } from '../graph/ops/pool.ts';
import type { Value } from '../graph/value.ts';

/**
 * Max-pooling whose last window may reach over the edge (torch's and Caffe's `ceil_mode`): every
 * pixel is in some window, unless it would be in padding alone. x [N, C, H, W].
 */
export function maxPoolCeil(x: Value, kernel: number, stride: number, pad = 0): Value {
  const beyond = [x.shape[2], x.shape[3]].map((size) => {
    const steps = Math.ceil(Math.max(0, size + 2 * pad - kernel) / stride);
    // a window must start in the image or in the padding before it
    const last = steps * stride >= size + pad ? steps - 1 : steps;
    return Math.max(0, last * stride + kernel - size - pad);
  });
  return maxPool(x, { kernel, strides: stride, pads: [pad, pad, beyond[0], beyond[1]] });
}

/**
 * Averages over a grid of `size` x `size` cells, which overlap where the map's side is not a
 * multiple: cell i covers floor(i H / size) to ceil((i + 1) H / size), as torch's
 * AdaptiveAvgPool2d. [N, C, H, W] to [N, C, size, size].
 */
export function adaptiveAveragePool(x: Value, size: number): Value {
  const [n, c, h, w] = x.shape;
  if (h === size && w === size) return x;
  if (h % size === 0 && w % size === 0) return avgPool(x, { kernel: [h / size, w / size] });
  const [rows, columns] = [cells(h, size), cells(w, size)];
  const weights = new Float32Array(h * w * size * size);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++) {
          weights[((y * w + x) * size + i) * size + j] = rows(y, i) * columns(x, j);
        }
  const grid = constant(float32([h * w, size * size], weights));
  return reshape(matmul(reshape(x, [n, c, h * w]), grid), [n, c, size, size]);
}

/** The weight of a position of one axis in a cell. */
function cells(extent: number, size: number): (at: number, cell: number) => number {
  return (at, cell) => {
    const start = Math.floor((cell * extent) / size);
    const end = Math.ceil(((cell + 1) * extent) / size);
    return at >= start && at < end ? 1 / (end - start) : 0;
  };
}
