// SCDA: descriptors of the object's cells in a frozen network, and a linear classifier on them.
// X.-S. Wei, J.-H. Luo, J. Wu, Z.-H. Zhou, "Selective convolutional descriptor aggregation for
// fine-grained image retrieval", IEEE TIP 2017, arXiv 1604.04994.
//
//   A = sum_c S_c    M = largest component of A > mean(A)    Q = {S_ij : M_ij = 1}
//   SCDA = [avg(Q)/|avg| ; max(Q)/|max|]    SCDA+ = [SCDA ; 0.5 SCDA of a finer layer]
//   flip: the same of the mirror image behind it

import { z } from 'zod';
import { gradients } from '../graph/autodiff.ts';
import { add, div, mul } from '../graph/ops/arithmetic.ts';
import { cast, equal } from '../graph/ops/compare.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { concat, slice } from '../graph/ops/slice.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import type { Features } from '../nn/backbones/backbone.ts';
import { normaliseImage } from '../nn/image-input.ts';
import { linear } from '../nn/layers.ts';
import { classEntropy } from '../nn/losses.ts';
import { rowNorm } from '../nn/pairwise.ts';
import {
  averageUnder,
  finerLevel,
  maximumUnder,
  mirrored,
  type ScdaDescriptor,
  scdaDescriptor,
} from '../nn/scda.ts';
import type { Scope } from '../nn/scope.ts';
import type { Method, MethodContext } from './method.ts';
import { headSettings } from './settings.ts';
import type { FeatureStage } from './stage.ts';

export interface ScdaMethodOptions {
  /** 1: the last map; 2: SCDA+, a finer layer as well. */
  readonly layers: 1 | 2;
  /** The mirror image's descriptor as well. */
  readonly flip: boolean;
}

const options: z.ZodType<ScdaMethodOptions> = z.strictObject({
  layers: z.union([z.literal(1), z.literal(2)]).default(1),
  flip: z.boolean().default(false),
});
type Context = MethodContext<ScdaMethodOptions>;

interface Described extends ScdaDescriptor {
  readonly features: Features;
}

/** One view: the features of the frozen network, the object in them, its descriptor. */
function describeView(context: Context, scope: Scope, image: Value): Described {
  const pixels = normaliseImage(image, context.pixels);
  const features = context.backbone.features(scope.child('backbone'), pixels, {
    norms: 'frozen',
    padding: context.padding,
    pooling: 'average',
  });
  return { features, ...scdaDescriptor(features, context.options) };
}

/** The image, with `flip` its mirror image too: what was seen of the first, and the descriptor. */
function describeImage(context: Context, scope: Scope, image: Value): Described {
  const seen = describeView(context, scope, image);
  if (!context.options.flip) return seen;
  const mirror = describeView(context, scope, mirrored(image));
  return { ...seen, descriptor: concat([seen.descriptor, mirror.descriptor], 1) };
}

function classify(context: Context, scope: Scope, descriptor: Value): Value {
  return linear(scope.child('head'), descriptor, context.classes);
}

/** The classifier, on descriptors that are computed once. */
function headStage(context: Context): FeatureStage {
  return {
    name: 'head',
    source: 'features',
    features: (scope, image) => describeImage(context, scope, image).descriptor,
    classify: (scope, features) => classify(context, scope, features),
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, targets }) => ({
      loss: classEntropy(classify(context, scope, input), targets),
    }),
    settings: headSettings(),
  };
}

export const scda: Method<ScdaMethodOptions> = {
  name: 'scda',
  citation: 'Wei et al. 2017, arXiv 1604.04994',
  about: "a linear classifier on descriptors of the object's cells, for search as well",
  options,
  needs: ['labels'],
  stages: (context) => [headStage(context)],
  recogniser: (context, scope, image) => {
    const seen = describeImage(context, scope, image);
    const { descriptor, features } = seen;
    return {
      logits: classify(context, scope, descriptor),
      embedding: descriptor,
      map: features.map,
      finer: finerLevel(features),
      heat: (score) => descriptorActivation(score, seen),
    };
  },
};

/**
 * What each cell of the mask adds to a score that is linear in the descriptor, [N, h, w]: its share
 * of the average and, for the channels whose maximum it holds, the maximum. Of the last map of the
 * upright view; there it adds up to that part of the score, without the bias.
 */
function descriptorActivation(
  score: Value,
  { features: { map }, mask, descriptor }: Described,
): Value {
  const [n, c, h, w] = map.shape;
  const [slope] = gradients(score, [descriptor]);
  const [average, maximum] = [averageUnder(map, mask), maximumUnder(map, mask)];
  const weights = {
    average: div(div(slice(slope, 1, 0, c), rowNorm(average)), sum(mask, [2, 3])),
    maximum: div(slice(slope, 1, c, 2 * c), rowNorm(maximum)),
  };
  const under = mul(map, mask);
  const top = equal(mul(reshape(maximum, [n, c, 1, 1]), mask), under);
  const held = mul(cast(top, 'float32'), mask);
  const share = div(mul(held, under), sum(held, [2, 3], { keep: true }));
  const over = (channels: Value, cells: Value) =>
    matmul(reshape(channels, [n, 1, c]), reshape(cells, [n, c, h * w]));
  const heat = add(over(weights.average, under), over(weights.maximum, share));
  return reshape(heat, [n, h, w]);
}
