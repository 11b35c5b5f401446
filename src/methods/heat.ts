// Where a score comes from: maps of what each place adds to it.

import { gradients, pullBack } from '../graph/autodiff.ts';
import { add, div, mul } from '../graph/ops/arithmetic.ts';
import { reshape } from '../graph/ops/movement.ts';
import { mean } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import type { BilinearDescriptor } from '../nn/bilinear-pooling.ts';

/**
 * h w sum_c map_c d score / d map_c, [N, h, w]. For an average-pooled map and a linear classifier it
 * is the class-activation map sum_c w_kc map_c (Zhou et al. 2016, arXiv 1512.04150). map
 * [N, C, h, w]; `score` is a scalar.
 */
export function gradientTimesMap(score: Value, map: Value): Value {
  const [slope] = gradients(score, [map]);
  return mul(sum(mul(map, slope), [1]), map.shape[2] * map.shape[3]);
}

/**
 * CAM (Zhou et al. 2016, arXiv 1512.04150): sum_c d score / d pooled_c map_c, [N, h, w], for networks
 * that pool their map themselves. pooled [N, C], map [N, C, h, w].
 */
export function classActivation(score: Value, pooled: Value, map: Value): Value {
  const [slope] = gradients(score, [pooled]);
  return sum(mul(map, reshape(slope, [...slope.shape, 1, 1])), [1]);
}

/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, equations 1 and 2, without the ReLU), [N, h, w]:
 * steadier than `gradientTimesMap` where hidden layers stand between map and score.
 */
export function gradientActivation(score: Value, map: Value): Value {
  const [slope] = gradients(score, [map]);
  return sum(mul(map, mean(slope, [2, 3], { keep: true })), [1]);
}

/**
 * What each place adds to a score through bilinear pooling, [N, h, w]: h w (x' (G + G') x) / L with
 * the gradient G of the score in Phi, for a norm that counts as constant. Its mean over the places is
 * the score less its bias. (With the gradient of the norm it would be zero: a brighter map has the
 * same unit descriptor.) `maps` are the ones that were pooled, [N, C, h, w].
 */
export function bilinearHeat(
  score: Value,
  maps: readonly Value[],
  { unit, roots, norm }: BilinearDescriptor,
): Value {
  const [slope] = gradients(score, [unit]);
  const slopes = pullBack(roots, div(slope, norm), maps);
  const [, , h, w] = maps[0].shape;
  return maps
    .map((map, i) => mul(sum(mul(map, slopes[i]), [1]), h * w))
    .reduce((total, one) => add(total, one));
}
