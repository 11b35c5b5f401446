// Conventional fine-tuning: a backbone, global average pooling, one linear layer, softmax.
// Razavian et al. 2014 (arXiv 1403.6382) for the frozen backbone with a linear classifier;
// Girshick et al. 2014 (arXiv 1311.2524) for fine-tuning; head at ten times the backbone's rate.
//
//   L = -sum_k q_k log softmax(W g(x) + b)_k,   q = (1 - e) onehot + e / K
//
// GoogLeNet's classifiers on inner maps add w L each while the whole network trains (Szegedy et al.
// 2015, section 5, w = 0.3) and are left out of the recogniser.

import { z } from 'zod';
import { fail } from '../core/errors.ts';
import { add, mul } from '../graph/ops/arithmetic.ts';
import { dropout } from '../graph/ops/compare.ts';
import type { Value } from '../graph/value.ts';
import { linear } from '../nn/layers.ts';
import { classEntropy } from '../nn/losses.ts';
import type { Scope } from '../nn/scope.ts';
import { backboneEvidence } from './backbone-evidence.ts';
import { backboneFeatures, hasHiddenLayers, unfrozen } from './backbone-pass.ts';
import type { Method, MethodContext } from './method.ts';
import { headSettings, networkSettings } from './settings.ts';
import type { FeatureStage, ImageStage, StageBatch } from './stage.ts';

export interface FinetuneOptions {
  /**
   * Dropout while the whole network trains: before the classifier, or at the hidden layers of
   * networks that have some. `network`: what the network was published with.
   */
  readonly dropout: number | 'network';
  /** `trained`: the head is trained alone first, on the frozen backbone; `fresh`: it is not. */
  readonly head: 'trained' | 'fresh';
  /** Weight of the loss of each inner classifier; 0 leaves them out. GoogLeNet only. */
  readonly auxiliary: number;
}

const options: z.ZodType<FinetuneOptions> = z.strictObject({
  dropout: z.union([z.literal('network'), z.number().min(0).max(0.9)]).default(0),
  head: z.enum(['trained', 'fresh']).default('trained'),
  auxiliary: z.number().min(0).default(0.3),
});
type Context = MethodContext<FinetuneOptions>;

function classify(context: Context, scope: Scope, pooled: Value): Value {
  return linear(scope.child('head'), pooled, context.classes);
}

/** The linear head alone, on features of the frozen backbone that are computed once. */
export function headStage(context: Context): FeatureStage {
  return {
    name: 'head',
    source: 'features',
    features: (scope, image) => backboneFeatures(context, scope, image, { norms: 'frozen' }).pooled,
    classify: (scope, features) => classify(context, scope, features),
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, targets }) => ({
      loss: classEntropy(classify(context, scope, input), targets),
    }),
    settings: headSettings(),
  };
}

/** The loss of the whole network on photographs, and the pooled features that it rests on. */
export function networkLoss(
  context: Context,
  scope: Scope,
  { input, targets, uniforms }: StageBatch,
): { loss: Value; pooled: Value } {
  const { dropout: wished, auxiliary } = context.options;
  const rate = wished === 'network' ? context.backbone.dropout : wished;
  const drop = (x: Value, name: string) =>
    rate > 0 ? dropout(x, uniforms(name, x.shape), rate) : x;
  const build = { norms: context.norms, dropout: drop };
  const features = backboneFeatures(context, scope, input, build);
  const { pooled } = features;
  const kept = hasHiddenLayers(features) ? pooled : drop(pooled, 'dropout');
  const inner =
    auxiliary > 0 ? (features.auxiliaries?.(scope.child('auxiliary'), context.classes) ?? []) : [];
  const loss = inner.reduce(
    (total, logits) => add(total, mul(classEntropy(logits, targets), auxiliary)),
    classEntropy(classify(context, scope, kept), targets),
  );
  return { loss, pooled };
}

/** Everything together, on augmented photographs. */
export function networkStage(context: Context): ImageStage {
  return {
    name: 'all',
    source: 'images',
    whole: true,
    trains: unfrozen(context),
    loss: (scope, batch) => ({ loss: networkLoss(context, scope, batch).loss }),
    settings: networkSettings(context.pretrained),
  };
}

export const finetune: Method<FinetuneOptions> = {
  name: 'finetune',
  citation: 'Razavian et al. 2014, arXiv 1403.6382; Girshick et al. 2014, arXiv 1311.2524',
  about: 'a linear classifier on pooled features, then the whole network fine-tuned',
  options,
  needs: ['labels'],
  stages: (context) => {
    const trained = context.options.head === 'trained';
    if (context.backbone.frozen) {
      if (!trained) throw frozenNetwork(context.backbone.name);
      return [headStage(context)];
    }
    // a head trained on random features would only have to be unlearnt
    const early = context.pretrained && trained ? [headStage(context)] : [];
    return [...early, networkStage(context)];
  },
  recogniser: (context, scope, image) => {
    const features = backboneFeatures(context, scope, image, { norms: 'frozen' });
    const { pooled } = features;
    const logits = classify(context, scope, pooled);
    return { logits, embedding: pooled, ...backboneEvidence(context, features) };
  },
};

function frozenNetwork(name: string) {
  return fail('FM_CONFIG', 'options.head', {
    expected: `'trained' for the frozen network '${name}'`,
    got: "'fresh'",
    next: 'Leave the option out: nothing but the head trains.',
  });
}
