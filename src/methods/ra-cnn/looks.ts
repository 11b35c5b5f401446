// RA-CNN's looks at an image, each closer than the one before, and their classifiers.

import { add, div, mul } from '../../graph/ops/arithmetic.ts';
import { detach } from '../../graph/ops/detach.ts';
import { logSoftmax } from '../../graph/ops/reduce.ts';
import { concat } from '../../graph/ops/slice.ts';
import { sum } from '../../graph/ops/sum.ts';
import type { Value } from '../../graph/value.ts';
import { proposeSquare } from '../../nn/attention-proposal.ts';
import type { Features } from '../../nn/backbones/backbone.ts';
import { normaliseImage } from '../../nn/image-input.ts';
import { linear, type NormMode } from '../../nn/layers.ts';
import { objectSquare } from '../../nn/object-square.ts';
import { rowNorm } from '../../nn/pairwise.ts';
import type { Scope } from '../../nn/scope.ts';
import { fixedSquare, within, zoom } from '../../nn/zoom.ts';
import { featuresOfPlanes } from '../backbone-pass.ts';
import type { MethodContext } from '../method.ts';

export interface RacnnOptions {
  /** How often the network looks: at the whole image, and closer once or twice. */
  readonly scales: 2 | 3;
  /** Where the closer looks are: learnt, in the centre, or where SCDA sees the object. */
  readonly attention: 'learnt' | 'centre' | 'scda';
  /** Whether what is learnt is how to correct SCDA's square, or the square itself. */
  readonly anchor: boolean;
  /** Half side of the square of `centre`, as a share of what was seen before. */
  readonly halfSide: number;
  /** Pixels a side of the first look; `size` is that of the run. */
  readonly glance: number | 'size';
  /** Pixels a side of the closer looks. */
  readonly zoomSize: number | 'size';
  /** How much surer of the truth a closer look has to be. */
  readonly margin: number;
  /** How often classifiers and attention train in turn. */
  readonly rounds: number;
  /** What answers: one layer on the features of all scales, or the average of their answers. */
  readonly fusion: 'linear' | 'average';
}

export type RacnnContext = MethodContext<RacnnOptions>;

/** One look, from the coarsest on. */
export interface Look {
  readonly features: Features;
  /** Pixels a side that the network saw. */
  readonly size: number;
  /** What it saw, in shares of the whole image: (centre, half side), [N, 3]. */
  readonly square: Value;
  /** Where the look after it is, in shares of this one, [N, 3]; that of the last is not used. */
  readonly next?: Value;
}

/** From what a look shows to the square of the next one, in shares of this look. */
export type Chooser = (look: Omit<Look, 'next'>, index: number) => Value;

/** Name of a scale, 0 for the whole image. */
export function scaleName(index: number): string {
  return `scale${index + 1}`;
}

/** Looks at photographs, uint8 [N, S, S, 3]: every look is cut from the image itself. */
export function lookCloser(
  context: RacnnContext,
  scope: Scope,
  image: Value,
  norms: NormMode,
  choose: Chooser = (look, index) => detach(chosenSquare(context, scope, look, index)),
): Look[] {
  const { scales, glance, zoomSize } = context.options;
  const planes = normaliseImage(image, context.pixels);
  const [n, , side] = planes.shape;
  const pixels = (size: number | 'size') => (size === 'size' ? side : size);
  const looks: Look[] = [];
  let square = fixedSquare(n, 0.5);
  for (let index = 0; index < scales; index++) {
    const size = pixels(index === 0 ? glance : zoomSize);
    const seen = index === 0 && size === side ? planes : zoom(planes, square, size);
    const features = featuresOfPlanes(context, scope, seen, { norms });
    const look = { features, size, square };
    const next = index < scales - 1 ? choose(look, index) : undefined;
    looks.push({ ...look, next });
    if (next !== undefined) square = index === 0 ? next : within(square, next);
  }
  return looks;
}

/** What decides where the closer looks are: the option, unless a review has overruled it. */
export function attentionOf({ options, decisions }: RacnnContext): RacnnOptions['attention'] {
  return (decisions?.attention as RacnnOptions['attention'] | undefined) ?? options.attention;
}

/** The square of the next look. Gradients reach the attention's parameters, never the backbone. */
export function chosenSquare(
  context: RacnnContext,
  scope: Scope,
  look: Omit<Look, 'next'>,
  index: number,
): Value {
  const attention = attentionOf(context);
  if (attention !== 'learnt') return givenSquare(context, attention, look);
  const anchor = context.options.anchor ? objectSquare(look.features, look.size) : undefined;
  const map = detach(look.features.map);
  return proposeSquare(scope.child(`attention.${index + 1}`), map, anchor);
}

/** A square that needs no learning. */
export function givenSquare(
  { options }: RacnnContext,
  attention: 'centre' | 'scda',
  { features, size }: Omit<Look, 'next'>,
): Value {
  if (attention === 'scda') return objectSquare(features, size);
  // one for each image, also where the batch is left open
  const zero = mul(sum(features.pooled, [1], { keep: true }), 0);
  return add(fixedSquare(1, options.halfSide), zero);
}

/** Logits of one scale's own classifier, from pooled features [N, D]. */
export function classifyScale(
  { classes }: RacnnContext,
  scope: Scope,
  pooled: Value,
  index: number,
): Value {
  return linear(scope.child(index === 0 ? 'head' : `head${index + 1}`), pooled, classes);
}

/** Logits of every look. */
export function classifyLooks(context: RacnnContext, scope: Scope, looks: readonly Look[]) {
  return looks.map(({ features }, i) => classifyScale(context, scope, features.pooled, i));
}

/** Mean log probability over scales: the answer that they give together, logits [N, K]. */
export function averageAnswer(logits: readonly Value[]): Value {
  const total = logits.map(logSoftmax).reduce((a, b) => add(a, b));
  return mul(total, 1 / logits.length);
}

/** Features of all scales, each of unit length, one behind the other: [N, D] each to [N, scales D]. */
export function fuse(pooled: readonly Value[]): Value {
  return concat(pooled.map(unit), 1);
}

/** The length counts as a constant, so that explanations see what the features add, not their angle. */
function unit(x: Value): Value {
  return div(x, detach(rowNorm(x)));
}

/** Logits from fused features. */
export function classifyFused({ classes }: RacnnContext, scope: Scope, fused: Value): Value {
  return linear(scope.child('fusion'), fused, classes);
}
