// Squeeze-and-excitation: Hu, Shen, Sun. CVPR 2018, arXiv 1709.01507, section 3.

import { mul } from '../../graph/ops/arithmetic.ts';
import { gemm } from '../../graph/ops/matmul.ts';
import { reshape } from '../../graph/ops/movement.ts';
import { globalAveragePool } from '../../graph/ops/pool.ts';
import { relu, sigmoid } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { filledWith, heFanOut } from '../initialisers.ts';
import type { Scope } from '../scope.ts';

/**
 * x [N, C, H, W] with each map of each image scaled by sigma(W2 relu(W1 z)), z the averages of
 * its maps (equations 2 to 4). The weights are kept as 1x1 kernels, as in timm.
 */
export function squeezeExcite(scope: Scope, x: Value, width: number): Value {
  const [n, c] = x.shape;
  const narrow = relu(pointwise(scope.child('fc1'), globalAveragePool(x), width));
  const gate = sigmoid(pointwise(scope.child('fc2'), narrow, c));
  return mul(x, reshape(gate, [n, c, 1, 1]));
}

/** A 1x1 convolution of vectors. */
function pointwise(scope: Scope, x: Value, units: number): Value {
  const shape = [units, x.shape[1], 1, 1];
  const weight = scope.parameter('weight', shape, 'weight', heFanOut());
  const bias = scope.parameter('bias', [units], 'bias', filledWith(0));
  return gemm(x, reshape(weight, shape.slice(0, 2)), bias, { transB: true });
}
