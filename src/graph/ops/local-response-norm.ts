// Local response normalisation across channels (Krizhevsky, Sutskever and Hinton 2012, "ImageNet
// Classification with Deep Convolutional Neural Networks", section 3.3).

import { showShape } from '../../core/shape.ts';
import { float32 } from '../../core/tensor.ts';
import { graphError, showType } from '../tensor-type.ts';
import type { Value } from '../value.ts';
import { log, mul } from './arithmetic.ts';
import { conv2d } from './conv.ts';
import { constant, filled } from './leaf.ts';
import { exp } from './unary.ts';

export interface LocalResponseNormOptions {
  /** Number of channels in a window. */
  readonly size: number;
  readonly alpha?: number;
  readonly beta?: number;
  /** Above zero. */
  readonly k?: number;
}

/**
 * y_c = x_c / (k + alpha / size * sum_j x_j^2)^beta, where j runs over the `size` channels from
 * c - floor(size / 2) on that exist. x [N, C, H, W]; the result is like x. Alpha is divided by the
 * size, as in torch; section 3.3 of the paper does not divide. Throws where x is not such a map of
 * float32, or an option is out of its range.
 */
export function localResponseNorm(x: Value, options: LocalResponseNormOptions): Value {
  const { size, alpha = 1e-4, beta = 0.75, k = 1 } = options;
  if (x.shape.length !== 4 || x.dtype !== 'float32') {
    throw graphError('localResponseNorm', 'float32 [N, C, H, W]', showType(x));
  }
  if (!Number.isInteger(size) || size < 1 || !(alpha >= 0) || !(k > 0)) {
    throw graphError(
      'localResponseNorm',
      'a whole size of 1 or more, alpha of 0 or more, and k above 0',
      `size ${size}, alpha ${alpha}, k ${k}, for x ${showShape(x.shape)}`,
    );
  }
  // The window sum, alpha and k are one 1x1 convolution with a banded kernel. On the CPU ONNX's
  // LRN takes four times as long as all of this, and WebGPU has none; pooling across channels wins
  // on small maps only.
  const channels = x.shape[1];
  const band = constant(
    float32([channels, channels, 1, 1], windowWeights(channels, size, alpha / size)),
  );
  const energy = conv2d(mul(x, x), band, filled([channels], k));
  return mul(x, exp(mul(log(energy), -beta)));
}

/** [channels, channels]: `weight` where the column's channel is in the row's window, else 0. */
function windowWeights(channels: number, size: number, weight: number): Float32Array {
  const weights = new Float32Array(channels * channels);
  for (let c = 0; c < channels; c++) {
    const first = c - Math.floor(size / 2);
    for (let j = Math.max(first, 0); j < Math.min(first + size, channels); j++) {
      weights[c * channels + j] = weight;
    }
  }
  return weights;
}
