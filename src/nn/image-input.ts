// From raw bytes to what a backbone expects, inside the graph.

import { float32 } from '../core/tensor.ts';
import { add, mul } from '../graph/ops/arithmetic.ts';
import { cast } from '../graph/ops/compare.ts';
import { constant, input } from '../graph/ops/leaf.ts';
import { reshape, transpose } from '../graph/ops/movement.ts';
import type { Value } from '../graph/value.ts';

/** How pixels are scaled: (v / 255 - mean) / std, red first. */
export interface PixelScale {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Name of the graph input that takes images. */
export const IMAGE_INPUT = 'image';

/** The input for a batch of square RGB images, uint8 [N, size, size, 3]. */
export function imageInput(batch: number, size: number): Value {
  return input(IMAGE_INPUT, [batch, size, size, 3], 'uint8');
}

/** uint8 [N, H, W, 3] to normalised float32 [N, 3, H, W]. */
export function normaliseImage(image: Value, { mean, std }: PixelScale): Value {
  const [n, h, w] = image.shape;
  // bytes move before they become floats; and in flat planes ONNX Runtime leaves the transpose
  // where it is (between pixels of three numbers, the arithmetic is six times slower)
  const planes = reshape(transpose(image, [0, 3, 1, 2]), [n, 3, h * w]);
  const scale = float32(
    [3, 1],
    std.map((s) => 1 / (255 * s)),
  );
  const shift = float32(
    [3, 1],
    mean.map((m, i) => -m / std[i]),
  );
  const scaled = mul(cast(planes, 'float32'), constant(scale));
  return reshape(add(scaled, constant(shift)), [n, 3, h, w]);
}
