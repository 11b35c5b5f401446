// The square around the object that SCDA finds in a network's maps, for a second look at it.

import { float32 } from '../core/tensor.ts';
import { add, mul, sub } from '../graph/ops/arithmetic.ts';
import { maximum, minimum } from '../graph/ops/compare.ts';
import { detach } from '../graph/ops/detach.ts';
import { constant } from '../graph/ops/leaf.ts';
import { reshape } from '../graph/ops/movement.ts';
import { max } from '../graph/ops/reduce.ts';
import { concat } from '../graph/ops/slice.ts';
import { clamp } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';
import type { Features } from './backbones/backbone.ts';
import { objectMap } from './object-map.ts';
import { aboveMean, finerStage, largestComponent } from './scda.ts';

/** Smallest and largest half side of a square, as shares of the image's side. */
export const HALF_SIDE = { least: 1 / 4, most: 1 / 2 } as const;

/** Pixels a cell of the even grid on which the object is looked for. */
const CELL = 16;

/**
 * The smallest square around the object, within the image and the bounds of `HALF_SIDE`: (tx, ty, tl)
 * for each image, [N, 3]. The object is SCDA's largest component of the cells of `objectMap` that are
 * above its mean, in an image of `size` pixels a side. No gradient flows into the maps.
 */
export function objectSquare(features: Features, size: number): Value {
  const { map } = features;
  const a = detach(objectMap({ map, finer: finerStage(features) }, size, Math.ceil(size / CELL)));
  const [n, h, w] = a.shape;
  return squareAround(largestComponent(aboveMean(reshape(a, [n, 1, h, w]))));
}

/** The square around the cells of a mask of 1 and 0, [N, 1, h, w], none of it empty, to [N, 3]. */
export function squareAround(mask: Value): Value {
  const [x, y] = [extent(mask, 3), extent(mask, 2)];
  const longer = maximum(sub(x.last, x.first), sub(y.last, y.first));
  const half = clamp(mul(longer, 0.5), HALF_SIDE.least, HALF_SIDE.most);
  const centre = ({ first, last }: Extent) =>
    minimum(maximum(mul(add(first, last), 0.5), half), sub(1, half));
  return concat([centre(x), centre(y), half], 1);
}

interface Extent {
  /** Where the object begins and ends along an axis, shares of the image, [N, 1]. */
  readonly first: Value;
  readonly last: Value;
}

function extent(mask: Value, axis: 2 | 3): Extent {
  const [n] = mask.shape;
  const cells = mask.shape[axis];
  const line = reshape(max(mask, [axis === 2 ? 3 : 2]), [n, cells]);
  const ramp = (at: (i: number) => number) =>
    constant(
      float32(
        [1, cells],
        Array.from({ length: cells }, (_, i) => at(i) / cells),
      ),
    );
  const furthest = (weights: Value) => max(mul(line, weights), [1], { keep: true });
  return {
    first: sub(1, furthest(ramp((i) => cells - i))),
    last: furthest(ramp((i) => i + 1)),
  };
}
