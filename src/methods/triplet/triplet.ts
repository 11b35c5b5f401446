// Softmax and generalised triplet loss, trained together: Zhang, Zhou, Lin and Zhang 2016 (CVPR,
// arXiv 1512.02895). Triplets are formed within the batch, P classes by S samples, so that an image
// passes the network once; which ones count is said at `tripletLoss`.
//
//   E = w E_s + (1 - w) E_t,   f = g(x) / |g(x)|,   D(a, b) = |f_a - f_b|^2
//
// which is minimised over w, so that rates and the limit of gradients mean what they do for the softmax
// alone, whatever the weight.
//
//   E_s = -sum_k q_k log softmax(W g(x) + b)_k
//   E_t = 1/2 mean max(0, D(r, p) - D(r, n) + m)
//
// With a hierarchy E_t is the mean over its levels: D(r, same class) + m_1 < D(r, same parent) + m_2 <
// D(r, others). With attributes A margins are m (1 - |A_r and A_n| / |A_r or A_n|).

import { add, mul } from '../../graph/ops/arithmetic.ts';
import { classLinks } from '../../nn/class-relations.ts';
import { squaredDistances, unitRows } from '../../nn/pairwise.ts';
import { tripletLoss } from '../../nn/triplet-loss.ts';
import { unfrozen } from '../backbone-pass.ts';
import {
  type FinetuneOptions,
  finetune,
  headStage,
  networkLoss,
  networkStage,
} from '../finetune.ts';
import type { Method, MethodContext } from '../method.ts';
import { networkSettings } from '../settings.ts';
import type { ImageStage } from '../stage.ts';
import type { StageSettings } from '../stage-settings.ts';
import { checkTriplets } from './checks.ts';
import { type TripletOptions, tripletOptions } from './options.ts';

type Context = MethodContext<TripletOptions>;

/** The same task with the softmax alone. */
function softmaxOnly(context: Context): MethodContext<FinetuneOptions> {
  return { ...context, options: finetune.options.parse({}) };
}

/** The nodes of the classes on each level that is used, finest first. */
function levelsOf({ hierarchy, options }: Context): (readonly number[])[] {
  if (options.hierarchy === 'off' || hierarchy === undefined) return [];
  return hierarchy.map(({ ofClass }) => ofClass).reverse();
}

/**
 * m_1, m_2, ...: one more than there are levels. `auto`: `margin` between classes, and a fifth of it
 * from level to level, because what pulls relatives together works against what holds them apart.
 */
function marginsOf({ margin, margins }: TripletOptions, levels: number): readonly number[] {
  if (margins !== 'auto') return margins;
  const above = Array.from({ length: levels }, (_, k) => ((levels - k) * margin) / 5);
  return [margin + (above[0] ?? 0), ...above];
}

/** Both losses on augmented photographs. */
function jointStage(context: Context): ImageStage {
  const { options, attributes, imagesOfClass } = context;
  const levels = levelsOf(context);
  const relation = {
    levels,
    margins: marginsOf(options, levels.length),
    attributes: options.attributes === 'off' ? undefined : attributes?.ofClass,
    // two views of one photograph teach what does not matter about it, not about its class
    pairs: imagesOfClass?.map((images) => images > 1),
  };
  const plain = softmaxOnly(context);
  return {
    name: 'all',
    source: 'images',
    whole: true,
    trains: unfrozen(context),
    loss: (scope, batch) => {
      const { loss: softmax, pooled } = networkLoss(plain, scope, batch);
      const distances = squaredDistances(unitRows(pooled));
      const links = classLinks(batch.labels(), relation);
      const { loss: total, active } = tripletLoss(distances, links);
      // a chain counts as much as one hinge, however many levels there are
      const triplet = mul(total, 1 / links.length);
      const { weight } = options;
      const loss = add(softmax, mul(triplet, (1 - weight) / weight));
      return { loss, metrics: { softmax, triplet, active } };
    },
    settings: jointSettings(context, levels.length > 0),
  };
}

/** Images of a batch, at most. */
const BATCH = 32;

/**
 * As many classes as a batch holds pairs of, because the softmax needs to see many; of few classes more
 * images. Above eight, classes are even in number: two passes then share them.
 */
function batchOf(classes: number): { samples: number; batch: number } {
  const samples = Math.min(4, Math.max(2, Math.floor(BATCH / classes)));
  const seen = Math.min(Math.floor(BATCH / samples), classes);
  return { samples, batch: samples * (classes > 8 ? seen - (seen % 2) : seen) };
}

/** As long as fine-tuning, together with the warm-up; with a hierarchy pairs of siblings. */
function jointSettings({ options, classes, pretrained }: Context, tree: boolean): StageSettings {
  const settings = networkSettings(pretrained);
  const { warmup } = options;
  const { samples, batch } = batchOf(classes);
  return {
    ...settings,
    epochs: Math.max(1, settings.epochs - warmup),
    batch,
    sampler: { kind: 'balanced', samples, ...(tree ? { siblings: 2 } : {}) },
    // the rate has grown already where the softmax came first
    schedule: { kind: 'cosine', warmup: warmup > 0 ? 0 : 1, floor: 0 },
  };
}

/** The whole network on the softmax alone. */
function warmupStage(context: Context): ImageStage {
  const { warmup } = context.options;
  const stage = networkStage(softmaxOnly(context));
  const schedule = { kind: 'constant' as const, warmup: 1 };
  return { ...stage, name: 'softmax', settings: { ...stage.settings, epochs: warmup, schedule } };
}

export const triplet: Method<TripletOptions> = {
  name: 'triplet',
  citation: 'Zhang et al. 2016, arXiv 1512.02895',
  about: 'softmax with triplets within the batch, aware of hierarchy and attributes, for search',
  options: tripletOptions,
  needs: ['labels'],
  check: (task) => checkTriplets(task, levelsOf(task.context).length),
  stages: (context) => {
    const plain = softmaxOnly(context);
    if (context.backbone.frozen) return finetune.stages(plain); // `check` refuses what is more than that
    const warmup = context.options.warmup > 0 ? [warmupStage(context)] : [];
    return [...(context.pretrained ? [headStage(plain)] : []), ...warmup, jointStage(context)];
  },
  recogniser: (context, scope, image) => {
    const found = finetune.recogniser(softmaxOnly(context), scope, image);
    return { ...found, embedding: unitRows(found.embedding) };
  },
};
