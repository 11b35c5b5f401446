// @ts-check
// A method of one's own: fine-tuning whose network also learns to point at the parts, with a sampler of
// its own. It shows as evidence a square around each part that it points at.
//
//   npx fieldmark train --data CUB_200_2011 --method ./examples/pointing.js
//
//   L = classEntropy(W g(x) + b) + w sum_p v_p smoothL1(sigmoid(V g(x) + c)_p - (x, y)_p)
//
// with v_p = 1 where part p is visible in the view. There is no paper: it is an example.

import { partsField, randomStream } from 'fieldmark/data';
import { add, concat, mul, reshape, sigmoid, slice, sub } from 'fieldmark/graph';
import { backboneEvidence, backboneFeatures, networkSettings, unfrozen } from 'fieldmark/methods';
import { classEntropy, linear, smoothL1 } from 'fieldmark/nn';
import { z } from 'zod';

/** @typedef {{ weight: number }} Options */
/** @typedef {import('fieldmark/methods').MethodContext<Options>} Context */
/** @typedef {import('fieldmark/nn').Scope} Scope */
/** @typedef {import('fieldmark/graph').Value} Value */

/** Side of the squares around parts, as a share of what the network sees. */
const SIDE = 0.2;

/**
 * Where each part is, [N, P, 2], in shares of what the network sees.
 *
 * @param {Context} context
 * @param {Scope} scope
 * @param {Value} pooled
 */
function pointsOf({ parts }, scope, pooled) {
  const count = parts?.names.length ?? 0;
  const flat = sigmoid(linear(scope.child('points'), pooled, 2 * count));
  return reshape(flat, [flat.shape[0], count, 2]);
}

/**
 * The images of each class in turn, so that every batch has as many classes as it can.
 *
 * @type {import('fieldmark/data').Sampler<{ readonly kind: 'in-turn' }>}
 */
const inTurn = {
  kind: 'in-turn',
  about: 'the classes in turn, so that a batch has as many of them as it can',
  options: z.strictObject({ kind: z.literal('in-turn') }),
  unit: () => 1,
  batchSize: (_, { batch, accumulate }, images) =>
    Math.max(accumulate, Math.min(batch, images - (images % accumulate))),
  plan(_, { labels }, { batch, seed, epoch }) {
    const order = randomStream(seed, 'in-turn', epoch).permutation(labels.length);
    /** @type {Map<number, number>} */
    const seen = new Map();
    const ranked = order.map((index) => {
      const round = seen.get(labels[index]) ?? 0;
      seen.set(labels[index], round + 1);
      return { index, round };
    });
    ranked.sort((a, b) => a.round - b.round); // stable: within a round the order is that of the draw
    const batches = Math.floor(ranked.length / batch);
    return Array.from({ length: batches }, (_, i) =>
      ranked.slice(i * batch, (i + 1) * batch).map(({ index }) => ({ index, draw: 0 })),
    );
  },
};

/** @type {import('fieldmark/methods').Method<Options>} */
const pointing = {
  name: 'pointing',
  citation: 'an example of fieldmark',
  about: 'fine-tuning that also learns to point at the parts',
  options: z.strictObject({ weight: z.number().positive().default(1) }),
  needs: ['labels', 'parts'],
  samplers: [inTurn],
  stages: (context) => [
    {
      name: 'all',
      source: 'images',
      whole: true,
      fields: [partsField],
      trains: unfrozen(context),
      loss: (scope, { input, targets, field }) => {
        const build = { norms: context.norms };
        const { pooled } = backboneFeatures(context, scope, input, build);
        const classes = classEntropy(linear(scope.child('head'), pooled, context.classes), targets);
        const points = pointsOf(context, scope, pooled);
        const truth = field(partsField); // [N, P, 3]
        const visible = slice(truth, 2, 2, 3);
        const away = mul(sub(points, slice(truth, 2, 0, 2)), concat([visible, visible], 2));
        const flat = reshape(away, [away.shape[0], away.shape[1] * 2]);
        const pointed = smoothL1(flat, mul(flat, 0), 0.1);
        return {
          loss: add(classes, mul(pointed, context.options.weight)),
          metrics: { classes, pointed },
        };
      },
      settings: { ...networkSettings(context.pretrained), sampler: { kind: 'in-turn' } },
    },
  ],
  recogniser: (context, scope, image) => {
    const features = backboneFeatures(context, scope, image, { norms: 'frozen' });
    const { pooled } = features;
    const points = pointsOf(context, scope, pooled);
    const corner = sub(points, SIDE / 2);
    const side = add(mul(points, 0), SIDE);
    return {
      logits: linear(scope.child('head'), pooled, context.classes),
      embedding: pooled,
      ...backboneEvidence(context, features),
      boxes: concat([corner, side], 2),
    };
  },
};

export default pointing;
