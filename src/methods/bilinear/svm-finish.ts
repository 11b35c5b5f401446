// The last step of the bilinear CNN's paper (section 3.2): in place of the softmax classifier one
// linear support vector machine for each class against the rest, scaled so that the median scores of
// its own and of the other training images are 1 and -1, and averaged over a photograph and its mirror
// image.
//
//   min_w  mean_i max(0, 1 - t_i (w z_i + b))^2 + decay / 2 |w|^2,   t_i = 1 or -1
//
// `decay` is 1 / (C n) for n views, with C = 1 as in the paper.

import { add, div, mul, sub } from '../../graph/ops/arithmetic.ts';
import { maximum } from '../../graph/ops/compare.ts';
import { sum } from '../../graph/ops/sum.ts';
import { relu, sign } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { filledWith } from '../../nn/initialisers.ts';
import { linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { headSettings } from '../settings.ts';
import type { StageSettings } from '../stage-settings.ts';

/** How far a step moves a median. */
const MEDIAN_STEP = 0.02;
/** Least distance of a class's medians, however bad its training images are. */
const LEAST_GAP = 0.1;

/** Scores of unit descriptors [N, D], scaled by the medians; unscaled before the machines are trained. */
export function scaledScores(head: Scope, unit: Value, classes: number): Value {
  const { own, others } = medians(head, classes);
  const gap = maximum(sub(own, others), LEAST_GAP);
  return div(sub(mul(linear(head, unit, classes), 2), add(own, others)), gap);
}

/** The squared hinge losses of all machines, added up, and the medians moved on. `labels` [N, K] has one 1 in each row that counts. */
export function marginLoss(head: Scope, unit: Value, labels: Value): Value {
  const [images, classes] = labels.shape;
  const scores = linear(head, unit, classes);
  // rows that fill up the last batch have no label, and count nowhere
  const counted = sum(labels, [1], { keep: true });
  const others = sub(counted, labels);
  const short = relu(sub(1, mul(scores, sub(labels, others))));
  follow(head, scores, labels, others);
  return mul(sum(mul(mul(short, short), counted)), 1 / images);
}

function medians(head: Scope, classes: number) {
  return {
    own: head.parameter('own', [classes], 'statistic', filledWith(1)),
    others: head.parameter('others', [classes], 'statistic', filledWith(-1)),
  };
}

/**
 * Moves each median towards the side on which more of the batch's scores are: its fixed point is the
 * median (Robbins and Monro 1951), and no pass over all images is needed.
 */
function follow(head: Scope, scores: Value, own: Value, others: Value): void {
  const now = medians(head, own.shape[1]);
  const moved = (median: Value, mask: Value) => {
    const sides = sum(mul(sign(sub(scores, median)), mask), [0]);
    return add(median, mul(div(sides, maximum(sum(mask, [0]), 1)), MEDIAN_STEP));
  };
  head.update('own', moved(now.own, own));
  head.update('others', moved(now.others, others));
}

/**
 * For so many training images, each seen twice. The squared hinge's curvature is four times the
 * softmax's: hence a quarter of its rate.
 */
export function marginSettings(images: number): StageSettings {
  return { ...headSettings(), rate: 0.5, decay: 1 / (2 * Math.max(images, 1)) };
}
