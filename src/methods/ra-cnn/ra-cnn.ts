// Recurrent attention: look at the whole image, then closer at what matters, and fuse the looks.
// J. Fu, H. Zheng, T. Mei. "Look closer to see better: recurrent attention convolutional neural
// network for fine-grained image recognition". CVPR 2017.
//
//   L = sum_s CE(P_s, y) + sum_s max(0, p_s - p_s+1 + margin),   p_s the truth's probability at scale s
//
// What makes it train, where plain re-implementations do not: one backbone for all scales, a zoom
// that is differentiable in its square, an attention that corrects SCDA's squares and is held to them
// less and less, p_s taken as given, and a fall back to SCDA where the validation images say
// that looking closer hurts (as crops in WS-DAN, Hu et al. 2019, arXiv 1901.09891).

import { z } from 'zod';
import type { Value } from '../../graph/value.ts';
import { HALF_SIDE } from '../../nn/object-square.ts';
import { boxesOf } from '../../nn/zoom.ts';
import { backboneEvidence } from '../backbone-evidence.ts';
import { gradientTimesMap } from '../heat.ts';
import type { Method } from '../method.ts';
import type { Step } from '../stage.ts';
import { checkRacnn } from './checks.ts';
import {
  averageAnswer,
  classifyFused,
  classifyLooks,
  fuse,
  type Look,
  lookCloser,
  type RacnnContext,
  type RacnnOptions,
  scaleName,
} from './looks.ts';
import { attendSteps, attentionSteps, fuseSteps, headSteps, networkStage } from './stages.ts';

const pixels = z.union([z.literal('size'), z.number().int().min(32).max(2048)]).default('size');

const options: z.ZodType<RacnnOptions> = z.strictObject({
  scales: z.union([z.literal(2), z.literal(3)]).default(2),
  attention: z.enum(['learnt', 'centre', 'scda']).default('learnt'),
  anchor: z.boolean().default(true),
  halfSide: z.number().min(HALF_SIDE.least).max(HALF_SIDE.most).default(0.375),
  glance: pixels,
  zoomSize: pixels,
  margin: z.number().min(0).max(1).default(0.05),
  rounds: z.number().int().min(1).max(9).default(1),
  fusion: z.enum(['linear', 'average']).default('linear'),
});

/** An attention of its own has to be taught SCDA's squares before it can improve on them. */
function teaching(context: RacnnContext): Step[] {
  const { attention, anchor } = context.options;
  return attention === 'learnt' && !anchor ? attentionSteps(context) : [];
}

/** Classifiers and attention in turn; rounds after the first are numbered. */
function rounds(context: RacnnContext): Step[] {
  const { rounds, attention } = context.options;
  return Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) => {
    const n = round === 1 ? '' : round;
    return [
      networkStage(context, `all${n}`, round),
      ...(attention === 'learnt' ? attendSteps(context, `attend${n}`) : []),
    ];
  });
}

export const racnn: Method<RacnnOptions> = {
  name: 'ra-cnn',
  citation: 'Fu, Zheng, Mei 2017, CVPR',
  about: 'looks at the whole image, then closer where it has learnt to look, and fuses the looks',
  options,
  needs: ['labels'],
  baselines: [{ attention: 'centre' }],
  check: checkRacnn,
  stages: (context) => [
    ...headSteps(context),
    // nothing of an ONNX trunk trains, and no gradient reaches the attention through it
    ...(context.backbone.frozen ? [] : [...teaching(context), ...rounds(context)]),
    ...(context.options.fusion === 'linear' ? fuseSteps(context) : []),
  ],
  recogniser: (context, scope, image) => {
    const looks = lookCloser(context, scope, image, 'frozen');
    const scales = classifyLooks(context, scope, looks);
    const embedding = fuse(looks.map(({ features }) => features.pooled));
    const logits =
      context.options.fusion === 'linear'
        ? classifyFused(context, scope, embedding)
        : averageAnswer(scales);
    return {
      logits,
      embedding,
      ...evidenceOf(context, looks),
      boxes: boxesOf(looks.slice(1).map(({ square }) => square)),
      scales: Object.fromEntries(scales.map((of, i) => [scaleName(i), of])),
    };
  },
};

/** The object is drawn as the first look sees it, and the heat as all of them do. */
function evidenceOf(context: RacnnContext, [first, ...others]: readonly Look[]) {
  const seenIn = ({ features }: Look) => {
    const seen = backboneEvidence(context, features);
    const { heat = (score: Value) => gradientTimesMap(score, seen.map) } = seen;
    return { ...seen, heat };
  };
  const closer = others.map((look) => ({ square: look.square, ...seenIn(look) }));
  return { ...seenIn(first), closer };
}
