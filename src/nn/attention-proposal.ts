// RA-CNN's attention proposal network: from a map to the square that deserves a closer look.
// Fu, Zheng, Mei. "Look closer to see better". CVPR 2017, section 3.1.

import { add, div, log, mul, sub } from '../graph/ops/arithmetic.ts';
import { conv2d } from '../graph/ops/conv.ts';
import { reshape } from '../graph/ops/movement.ts';
import { concat, slice } from '../graph/ops/slice.ts';
import { clamp, relu, sigmoid, tanh } from '../graph/ops/unary.ts';
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
const { least, most } = HALF_SIDE;

/** An anchor's shares stay this far from 0 and 1, where sigmoids would no longer learn. */
const RIM = 0.02;

/**
 * The square (tx, ty, tl) for a map [N, C, h, w], [N, 3]. Sigmoids keep it within the image and its
 * half side within `HALF_SIDE`, so that it cannot saturate outside of what is allowed:
 *
 *   tl = least + (most - least) s(a),   tx = tl + (1 - 2 tl) s(b),   ty = tl + (1 - 2 tl) s(c)
 *
 * Untrained it is nearly the centre, of the middle size; with an `anchor`, [N, 3], a square that it
 * then learns to correct, it is nearly that.
 */
export function proposeSquare(scope: Scope, map: Value, anchor?: Value): Value {
  const [n, , h, w] = map.shape;
  const flat = reshape(reduce(scope.child('reduce'), map), [n, CHANNELS * h * w]);
  const hidden = tanh(linear(scope.child('hidden'), flat, UNITS, byInputs(flat.shape[1])));
  const correction = linear(scope.child('square'), hidden, 3);
  const shares = sigmoid(anchor === undefined ? correction : add(correction, logits(anchor)));
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

/** What the sigmoids turn into a square again, [N, 3]. */
function logits(square: Value): Value {
  const half = slice(square, 1, 2, 3);
  const size = div(sub(half, least), most - least);
  const room = sub(1, mul(half, 2));
  // without room to move, the middle of it
  const place = (axis: number) =>
    div(add(sub(slice(square, 1, axis, axis + 1), half), RIM / 2), add(room, RIM));
  const shares = clamp(concat([place(0), place(1), size], 1), RIM, 1 - RIM);
  return log(div(shares, sub(1, shares)));
}

function byInputs(count: number): Initialiser {
  return normal(1 / Math.sqrt(count));
}
