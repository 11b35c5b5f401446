// RA-CNN's attention proposal network: from a map to the square that deserves a closer look.
// Fu, Zheng, Mei. "Look closer to see better". CVPR 2017, section 3.1.

import { add, mul, sub } from '../graph/ops/arithmetic.ts';
import { conv2d } from '../graph/ops/conv.ts';
import { reshape } from '../graph/ops/movement.ts';
import { concat, slice } from '../graph/ops/slice.ts';
import { relu, sigmoid, tanh } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';
import { filledWith, normal } from './initialisers.ts';
import { linear } from './layers.ts';
import { HALF_SIDE } from './object-square.ts';
import type { Initialiser, Scope } from './scope.ts';

/**
 * The paper's first layer has 1024 units on the whole map, 64 million numbers for MobileNetV2. Where
 * an object is takes few: a 1x1 convolution to so many channels, and so many units behind it.
 */
const CHANNELS = 16;
const UNITS = 64;

/**
 * The square (tx, ty, tl) for a map [N, C, h, w], [N, 3]. Sigmoids keep it within the image and its
 * half side within `HALF_SIDE`, so that it cannot saturate outside of what is allowed:
 *
 *   tl = least + (most - least) s(a),   tx = tl + (1 - 2 tl) s(b),   ty = tl + (1 - 2 tl) s(c)
 *
 * Untrained it is nearly the centre, of the middle size.
 */
export function proposeSquare(scope: Scope, map: Value): Value {
  const [n, , h, w] = map.shape;
  const flat = reshape(reduce(scope.child('reduce'), map), [n, CHANNELS * h * w]);
  const hidden = tanh(linear(scope.child('hidden'), flat, UNITS, byInputs(flat.shape[1])));
  const shares = sigmoid(linear(scope.child('square'), hidden, 3));
  const { least, most } = HALF_SIDE;
  const half = add(mul(slice(shares, 1, 2, 3), most - least), least);
  const room = sub(1, mul(half, 2));
  const centre = (axis: number) => add(half, mul(room, slice(shares, 1, axis, axis + 1)));
  return concat([centre(0), centre(1), half], 1);
}

/** A 1x1 convolution to a few channels, and a ReLU. */
function reduce(scope: Scope, map: Value): Value {
  const channels = map.shape[1];
  // spread by its many inputs: by its few outputs, as is usual, it would drive the units to +-1
  const initialiser = byInputs(channels);
  const weight = scope.parameter('weight', [CHANNELS, channels, 1, 1], 'weight', initialiser);
  return relu(conv2d(map, weight, scope.parameter('bias', [CHANNELS], 'bias', filledWith(0))));
}

function byInputs(count: number): Initialiser {
  return normal(1 / Math.sqrt(count));
}
