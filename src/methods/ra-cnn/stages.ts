// How RA-CNN trains: classifiers and attention in turn, each with the other one fixed.

import { add, mul, sub } from '../../graph/ops/arithmetic.ts';
import { mean } from '../../graph/ops/reduce.ts';
import { concat, slice, split } from '../../graph/ops/slice.ts';
import type { Value } from '../../graph/value.ts';
import { classEntropy } from '../../nn/losses.ts';
import { objectSquare } from '../../nn/object-square.ts';
import { rankLoss, truthProbability } from '../../nn/rank-loss.ts';
import type { Scope } from '../../nn/scope.ts';
import { smoothL1 } from '../../nn/smooth-l1.ts';
import { unfrozen } from '../backbone-pass.ts';
import { headSettings, networkSettings } from '../settings.ts';
import type { ImageStage, Step } from '../stage.ts';
import type { StageSettings } from '../stage-settings.ts';
import {
  attentionOf,
  averageAnswer,
  type Chooser,
  chosenSquare,
  classifyFused,
  classifyLooks,
  classifyScale,
  fuse,
  givenSquare,
  lookCloser,
  type RacnnContext,
} from './looks.ts';
import { reviewAccuracy, reviewAttention, reviewBoxes } from './reviews.ts';

/** Where smooth L1 turns linear, as a share of the image's side. */
const BETA = 0.1;
/** Weight of the distance to SCDA's square at the end of a stage; at its start it is 1. */
const LAST_PULL = 0.1;

const isAttention = (path: string) => path.startsWith('attention.');
const total = (values: readonly Value[]) => values.reduce((a, b) => add(a, b));

/** A small network on frozen features; its scale has nothing to do with the backbone's rate. */
function attentionSettings(epochs: number, rate: number): StageSettings {
  return {
    ...networkSettings(true),
    epochs,
    batch: 16,
    rate,
    headFactor: 1,
    optimiser: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    clip: 0,
    smoothing: 0,
  };
}

/**
 * The classifiers of all scales on features of the frozen network. There is no attention yet: the
 * closer looks are where it will be taught to look.
 */
export function headSteps(context: RacnnContext): Step[] {
  const attention = context.options.attention === 'centre' ? 'centre' : 'scda';
  const teacher: Chooser = (look) => givenSquare(context, attention, look);
  const classify = (scope: Scope, rows: Value) =>
    split(rows, 1, context.options.scales).map((pooled, i) =>
      classifyScale(context, scope, pooled, i),
    );
  const stage: Step = {
    name: 'head',
    source: 'features',
    features: (scope, image) =>
      concat(
        lookCloser(context, scope, image, 'frozen', teacher).map(({ features }) => features.pooled),
        1,
      ),
    classify: (scope, rows) => averageAnswer(classify(scope, rows)),
    trains: (path) => path.startsWith('head'),
    loss: (scope, { input, targets }) => ({
      loss: total(classify(scope, input).map((logits) => classEntropy(logits, targets))),
    }),
    settings: headSettings(),
  };
  // an attention of its own knows nothing yet
  return usesScda(context) ? [stage, { source: 'review', review: reviewBoxes(context) }] : [stage];
}

function usesScda({ options: { attention, anchor } }: RacnnContext): boolean {
  return attention === 'scda' || (attention === 'learnt' && anchor);
}

/** Teaches the attention to look where SCDA sees the object, so that the rank loss starts there. */
export function attentionSteps(context: RacnnContext): Step[] {
  if (attentionOf(context) !== 'learnt') return [{ name: 'attention', source: 'none' }];
  const stage: Step = {
    name: 'attention',
    source: 'images',
    trains: isAttention,
    keeps: 'unscored',
    loss: (scope, { input }) => {
      const distances: Value[] = [];
      lookCloser(context, scope, input, context.norms, (look, index) => {
        const target = objectSquare(look.features, look.size);
        distances.push(smoothL1(chosenSquare(context, scope, look, index), target, BETA));
        return target;
      });
      return { loss: total(distances) };
    },
    settings: attentionSettings(15, 0.002),
  };
  return [stage, { source: 'review', review: reviewBoxes(context) }];
}

/** The backbone and the classifiers of all scales, the attention fixed; `round` counts from 1. */
export function networkStage(context: RacnnContext, name: string, round: number): ImageStage {
  const trains = unfrozen(context);
  return {
    name,
    source: 'images',
    whole: round === 1,
    trains: (path) => trains(path) && !isAttention(path) && !path.startsWith('fusion.'),
    classify: (scope, image) =>
      averageAnswer(classifyLooks(context, scope, lookCloser(context, scope, image, 'frozen'))),
    loss: (scope, { input, targets }) => {
      const looks = lookCloser(context, scope, input, context.norms);
      const losses = classifyLooks(context, scope, looks).map((l) => classEntropy(l, targets));
      return { loss: total(losses) };
    },
    settings: { ...networkSettings(true), epochs: round === 1 ? 12 : 4, batch: 16, rate: 0.002 },
  };
}

/**
 * The attention, all else fixed: each look has to be surer of the truth than the one before. The
 * distance to SCDA's square keeps it from running away while the rank loss takes over.
 */
export function attendSteps(context: RacnnContext, name: string): Step[] {
  if (attentionOf(context) !== 'learnt') return [{ name, source: 'none' }];
  const { margin } = context.options;
  const stage: Step = {
    name,
    source: 'images',
    trains: isAttention,
    classify: (scope, image) => {
      const looks = lookCloser(context, scope, image, 'frozen');
      return averageAnswer(classifyLooks(context, scope, looks).slice(1));
    },
    loss: (scope, batch) => {
      const distances: Value[] = [];
      const looks = lookCloser(context, scope, batch.input, context.norms, (look, index) => {
        const square = chosenSquare(context, scope, look, index);
        distances.push(smoothL1(square, objectSquare(look.features, look.size), BETA));
        return square;
      });
      const logits = classifyLooks(context, scope, looks);
      const labels = batch.labels();
      const closer = logits.slice(1);
      const rank = total(closer.map((l, i) => rankLoss(logits[i], l, labels, margin)));
      const pull = sub(1, mul(batch.progress(), 1 - LAST_PULL));
      const truth = (l: Value) => mean(truthProbability(l, labels));
      return {
        loss: add(rank, mul(pull, total(distances))),
        metrics: {
          rank,
          gain: sub(truth(closer[closer.length - 1]), truth(logits[0])),
          halfSide: mean(slice(looks[looks.length - 1].square, 1, 2, 3)),
        },
      };
    },
    settings: attentionSettings(4, 0.0005),
  };
  return [stage, { source: 'review', review: reviewAttention(context) }];
}

/** One layer on the features of all scales. */
export function fuseSteps(context: RacnnContext): Step[] {
  const stage: Step = {
    name: 'fuse',
    source: 'features',
    features: (scope, image) =>
      fuse(lookCloser(context, scope, image, 'frozen').map(({ features }) => features.pooled)),
    classify: (scope, fused) => classifyFused(context, scope, fused),
    trains: (path) => path.startsWith('fusion.'),
    loss: (scope, { input, targets }) => ({
      loss: classEntropy(classifyFused(context, scope, input), targets),
    }),
    settings: headSettings(),
  };
  return [stage, { source: 'review', review: reviewAccuracy }];
}
