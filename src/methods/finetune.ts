// Conventional fine-tuning: a backbone, global average pooling, one linear layer, softmax.
// Razavian et al. 2014 (arXiv 1403.6382) for the frozen backbone with a linear classifier;
// Girshick et al. 2014 (arXiv 1311.2524) for fine-tuning; head at ten times the backbone's rate.
//
//   L = -sum_k q_k log softmax(W g(x) + b)_k,   q = (1 - e) onehot + e / K

import { z } from 'zod';
import { gradients } from '../graph/autodiff.ts';
import { mul } from '../graph/ops/arithmetic.ts';
import { dropout } from '../graph/ops/compare.ts';
import { argMax, gather } from '../graph/ops/gather.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { max, mean } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import type { Features } from '../nn/backbones/backbone.ts';
import { normaliseImage } from '../nn/image-input.ts';
import { linear, type NormMode } from '../nn/layers.ts';
import { crossEntropy } from '../nn/losses.ts';
import { finerStage } from '../nn/scda.ts';
import type { Scope } from '../nn/scope.ts';
import type { Method, MethodContext, Stage } from './method.ts';
import { headSettings, networkSettings } from './settings.ts';

export interface FinetuneOptions {
  /** Dropout before the classifier while the whole network trains. */
  readonly dropout: number;
  /** `trained`: the head is trained alone first, on the frozen backbone; `fresh`: it is not. */
  readonly head: 'trained' | 'fresh';
}

const options: z.ZodType<FinetuneOptions> = z.strictObject({
  dropout: z.number().min(0).max(0.9).default(0),
  head: z.enum(['trained', 'fresh']).default('trained'),
});
type Context = MethodContext<FinetuneOptions>;

function backboneFeatures(context: Context, scope: Scope, image: Value, norms: NormMode): Features {
  const pixels = normaliseImage(image, context.pixels);
  return context.backbone.features(scope.child('backbone'), pixels, {
    norms,
    padding: context.padding,
  });
}

function classify(context: Context, scope: Scope, pooled: Value): Value {
  return linear(scope.child('head'), pooled, context.classes);
}

/** The linear head alone, on features of the frozen backbone that are computed once. */
function headStage(context: Context): Stage {
  return {
    name: 'head',
    source: 'features',
    features: (scope, image) => backboneFeatures(context, scope, image, 'frozen').pooled,
    classify: (scope, features) => classify(context, scope, features),
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, targets }) => crossEntropy(classify(context, scope, input), targets),
    settings: headSettings(),
  };
}

/** Everything together, on augmented photographs. */
function networkStage(context: Context): Stage {
  const rate = context.options.dropout;
  return {
    name: 'all',
    source: 'images',
    trains: () => true,
    loss: (scope, { input, targets, uniforms }) => {
      const { pooled } = backboneFeatures(context, scope, input, context.norms);
      const kept = rate > 0 ? dropout(pooled, uniforms('dropout', pooled.shape), rate) : pooled;
      return crossEntropy(classify(context, scope, kept), targets);
    },
    settings: networkSettings(context.pretrained),
  };
}

export const finetune: Method<FinetuneOptions> = {
  name: 'finetune',
  citation: 'Razavian et al. 2014, arXiv 1403.6382; Girshick et al. 2014, arXiv 1311.2524',
  about: 'a linear classifier on pooled features, then the whole network fine-tuned',
  options,
  needs: ['labels'],
  // a head trained on random features would only have to be unlearnt
  stages: (context) =>
    context.pretrained && context.options.head === 'trained'
      ? [headStage(context), networkStage(context)]
      : [networkStage(context)],
  recogniser: (context, scope, image) => {
    const features = backboneFeatures(context, scope, image, 'frozen');
    const { pooled, map } = features;
    const logits = classify(context, scope, pooled);
    const hidden = pooled.shape[1] !== map.shape[1];
    const heat = hidden
      ? gradientActivation(logits, map)
      : classActivation(context, scope, logits, map);
    return { logits, embedding: pooled, map, finer: finerStage(features), heat };
  },
};

/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, equations 1 and 2, without the ReLU) for the
 * answered class, where hidden layers stand between the map and the classifier.
 */
function gradientActivation(logits: Value, map: Value): Value {
  const [slope] = gradients(sum(max(logits, [1])), [map]);
  return sum(mul(map, mean(slope, [2, 3], { keep: true })), [1]);
}

/** CAM (Zhou et al. 2016, arXiv 1512.04150): sum_c w_kc map_c for the answered class k. */
function classActivation(context: Context, scope: Scope, logits: Value, map: Value): Value {
  const [n, c, h, w] = map.shape;
  const weight = scope.child('head').parameter('weight', [context.classes, c], 'weight', () => {
    throw new Error('the head exists already');
  });
  const answered = gather(weight, argMax(logits, 1), 0); // [N, C]
  const heat = matmul(reshape(answered, [n, 1, c]), reshape(map, [n, c, h * w]));
  return reshape(heat, [n, h, w]);
}
