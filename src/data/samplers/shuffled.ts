// Every image once an epoch, in random order.

import { z } from 'zod';
import type { Sampler } from '../../core/sampler.ts';
import { planEpoch } from '../batch.ts';

export const shuffled: Sampler<{ readonly kind: 'shuffled' }> = {
  kind: 'shuffled',
  about: 'every image once an epoch, in random order; a last batch that is not full is left out',
  options: z.strictObject({ kind: z.literal('shuffled') }),
  unit: () => 1,
  batchSize: (_, { batch, accumulate }, images) =>
    Math.floor(Math.min(batch, images) / accumulate) * accumulate,
  plan: (_, { labels }, { batch, seed, epoch, lastShort }) =>
    planEpoch(labels.length, batch, seed, epoch, { dropLast: !lastShort }).map((indices) =>
      indices.map((index) => ({ index, draw: 0 })),
    ),
};
