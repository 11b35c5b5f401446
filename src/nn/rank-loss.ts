// RA-CNN's rank loss: a closer look must be surer of the truth than the look before.
// Fu, Zheng, Mei. "Look closer to see better". CVPR 2017, equation 9.

import { add, mul, sub } from '../graph/ops/arithmetic.ts';
import { detach } from '../graph/ops/detach.ts';
import { softmax } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import { relu } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';
import { ofLabels } from './losses.ts';

/** Probability of the true class, [N]: logits [N, K], `labels` int64 [N]. */
export function truthProbability(logits: Value, labels: Value): Value {
  return ofLabels(softmax(logits), labels);
}

/**
 * Mean over the batch of max(0, p - p' + margin), of the true class's probabilities p at the coarser
 * and p' at the finer scale. p is taken as given, so that only the finer look is pushed: it would be
 * as easy to make the coarser one worse.
 */
export function rankLoss(coarser: Value, finer: Value, labels: Value, margin: number): Value {
  const target = detach(truthProbability(coarser, labels));
  const short = relu(add(sub(target, truthProbability(finer, labels)), margin));
  return mul(sum(short), 1 / labels.shape[0]);
}
