// SCDA: which cells of a map show the object, and what they say about it, without any training.
// X.-S. Wei, J.-H. Luo, J. Wu, Z.-H. Zhou, "Selective convolutional descriptor aggregation for
// fine-grained image retrieval", IEEE TIP 2017, arXiv 1604.04994. All of it within the graph.

import { float32, int64 } from '../core/tensor.ts';
import { div, mul } from '../graph/ops/arithmetic.ts';
import { cast, equal, greater, where } from '../graph/ops/compare.ts';
import { gather } from '../graph/ops/gather.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { maxPool } from '../graph/ops/pool.ts';
import { max, mean } from '../graph/ops/reduce.ts';
import { concat } from '../graph/ops/slice.ts';
import { sum } from '../graph/ops/sum.ts';
import { relu } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';
import type { Features } from './backbones/backbone.ts';
import { unitRows } from './pairwise.ts';

/** Weight of the finer layer in SCDA+, the paper's alpha. */
const FINER_WEIGHT = 0.5;
const LOWEST = -3.4028234663852886e38;

/**
 * The aggregation map A = sum_c S_c, [N, C, h, w] to [N, 1, h, w]. The paper's maps are not
 * negative; of the signed maps of linear bottlenecks the positive part counts.
 */
export function aggregationMap(map: Value): Value {
  return sum(relu(map), [1], { keep: true });
}

/** M = A > mean(A), 1 or 0 like A [N, 1, h, w]; all ones where no cell is above the mean. */
export function aboveMean(a: Value): Value {
  const above = cast(greater(a, mean(a, [2, 3], { keep: true })), 'float32');
  return fallback(above, 1);
}

/** A mask, or `otherwise` for the images for which it is empty. */
function fallback(mask: Value, otherwise: Value | number): Value {
  const count = sum(mask, [2, 3], { keep: true });
  return where(greater(count, 0.5), mask, otherwise);
}

/**
 * The largest 8-connected component of a mask of 1 and 0, [N, 1, h, w]; among equals the first in
 * reading order.
 *
 * Every cell starts with a label of its own and takes the largest of its neighbours', round by
 * round, until each component carries the label of its first cell. A shortest path within a mask
 * has at most two cells in any 2x2 block (three would all be neighbours, and a step could be
 * spared), which bounds the number of rounds.
 */
export function largestComponent(mask: Value): Value {
  const [n, , h, w] = mask.shape;
  const cells = h * w;
  const own = Float32Array.from({ length: cells }, (_, i) => cells - i);
  let label = mul(mask, constant(float32([1, 1, h, w], own)));
  const rounds = 2 * Math.ceil(h / 2) * Math.ceil(w / 2) - 1;
  for (let i = 0; i < rounds; i++) {
    label = mul(maxPool(label, { kernel: 3, strides: 1, pads: 1 }), mask);
  }
  const same = equal(reshape(label, [n, cells, 1]), reshape(label, [n, 1, cells]));
  const size = mul(reshape(sum(cast(same, 'float32'), [2]), [n, 1, h, w]), mask);
  const largest = equal(size, max(size, [2, 3], { keep: true }));
  const winner = max(mul(label, cast(largest, 'float32')), [2, 3], { keep: true });
  return mul(cast(equal(label, winner), 'float32'), mask);
}

/** The object's cells in a map [N, C, h, w]: the paper's mask, [N, 1, h, w] of 1 and 0. */
export function objectMask(map: Value): Value {
  return largestComponent(aboveMean(aggregationMap(map)));
}

/**
 * The object's cells in a finer map: those above its own mean that the mask of the last map also
 * holds, nearest cell by nearest cell. Where the two exclude each other, the latter's.
 */
export function finerMask(finer: Value, mask: Value): Value {
  const [, , h, w] = finer.shape;
  const pick = (to: number, from: number) =>
    constant(
      int64(
        [to],
        Array.from({ length: to }, (_, i) => Math.floor((i * from) / to)),
      ),
    );
  const rows = gather(mask, pick(h, mask.shape[2]), 2);
  const spread = gather(rows, pick(w, mask.shape[3]), 3);
  return fallback(mul(aboveMean(aggregationMap(finer)), spread), spread);
}

/**
 * [avg(Q) / |avg| ; max(Q) / |max|] of the descriptors Q under the mask: map [N, C, h, w] and mask
 * [N, 1, h, w] to [N, 2C].
 */
export function selectDescriptors(map: Value, mask: Value): Value {
  return concat(
    [averageUnder, maximumUnder].map((under) => unitRows(under(map, mask))),
    1,
  );
}

/** Average over the cells of the mask, [N, C]. */
export function averageUnder(map: Value, mask: Value): Value {
  const [n, c, h, w] = map.shape;
  const total = matmul(reshape(map, [n, c, h * w]), reshape(mask, [n, h * w, 1]));
  return div(reshape(total, [n, c]), sum(mask, [2, 3]));
}

/** Maximum over the cells of the mask, [N, C]. */
export function maximumUnder(map: Value, mask: Value): Value {
  return max(where(greater(mask, 0.5), map, LOWEST), [2, 3]);
}

/** `layers: 2` is SCDA+, which adds a finer layer. */
export interface ScdaOptions {
  readonly layers: 1 | 2;
}

/** The descriptor of one view, and where it comes from. */
export interface ScdaDescriptor {
  /** [N, 2C], with two layers [N, 2C + 2C']. */
  readonly descriptor: Value;
  /** The object's cells in the last map, [N, 1, h, w] of 1 and 0. */
  readonly mask: Value;
}

/**
 * SCDA of the last map; with two layers SCDA+ = [SCDA ; 0.5 SCDA'], the latter of the last level
 * that is finer.
 */
export function scdaDescriptor(features: Features, { layers }: ScdaOptions): ScdaDescriptor {
  const { map } = features;
  const mask = objectMask(map);
  const descriptor = selectDescriptors(map, mask);
  if (layers === 1) return { descriptor, mask };
  const finer = finerLevel(features) ?? map;
  const further = selectDescriptors(finer, finerMask(finer, mask));
  return { descriptor: concat([descriptor, mul(further, FINER_WEIGHT)], 1), mask };
}

/** The coarsest level that has more cells than the last map. */
export function finerLevel({ levels, map }: Features): Value | undefined {
  return levels.findLast(({ value }) => value.shape[2] > map.shape[2])?.value;
}

/**
 * The mirror image: photographs [N, H, W, 3] or maps [N, h, w] with their columns in reverse, or what
 * has its columns on another `axis`.
 */
export function mirrored(image: Value, axis = 2): Value {
  const width = image.shape[axis];
  const reversed = Array.from({ length: width }, (_, i) => width - 1 - i);
  return gather(image, constant(int64([width], reversed)), axis);
}
