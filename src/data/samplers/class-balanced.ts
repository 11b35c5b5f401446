// Classes of a long tail, nearer to one another in number than they are: image i of class c is shown in
// proportion to n_c^(power - 1) (as the q-sampling of Kang et al. 2020, arXiv 1910.09217, equation 1).

import { z } from 'zod';
import { randomStream } from '../../core/random.ts';
import type { PlannedImage, Sampler } from '../../core/sampler.ts';

/** `power` 1: as the images are; 0: all classes alike; 0.5: between the two. */
export interface ClassBalancedSampler {
  readonly kind: 'class-balanced';
  readonly power: number;
  readonly [option: string]: unknown;
}

export const classBalanced: Sampler<ClassBalancedSampler> = {
  kind: 'class-balanced',
  about: 'as many images an epoch as there are, rare classes shown more often than they occur',
  options: z.strictObject({
    kind: z.literal('class-balanced'),
    power: z.number().min(0).max(1).default(0.5),
  }),
  unit: () => 1,
  batchSize: (_, { batch, accumulate }, images) =>
    Math.floor(Math.min(batch, images) / accumulate) * accumulate,
  plan: ({ power }, { labels }, { batch, seed, epoch, lastShort }) => {
    const count = Math.max(1, Math[lastShort ? 'ceil' : 'floor'](labels.length / batch));
    const stream = randomStream(seed, 'class-balanced', epoch);
    const total = lastShort ? labels.length : count * batch;
    const shown = imagesOfEpoch(labels, power, total, { seed, epoch });
    const order = stream.permutation(shown.length).map((i) => shown[i]);
    return Array.from({ length: count }, (_, b) => order.slice(b * batch, (b + 1) * batch));
  },
};

/**
 * `total` images, each class's share of them to within one. A class goes on where it stopped in the
 * epoch before, so that every image has its turn however few are shown of its class.
 */
function imagesOfEpoch(
  labels: readonly number[],
  power: number,
  total: number,
  { seed, epoch }: { readonly seed: number; readonly epoch: number },
): PlannedImage[] {
  const ofLabel = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const images = ofLabel.get(label);
    if (images) images.push(index);
    else ofLabel.set(label, [index]);
  });
  const mass = [...ofLabel.values()].reduce((sum, { length }) => sum + length ** power, 0);
  const planned: PlannedImage[] = [];
  let [before, reached] = [0, 0];
  for (const [label, images] of ofLabel) {
    before += images.length ** power;
    const upTo = Math.round((total * before) / mass);
    const shown = upTo - reached;
    reached = upTo;
    const first = epoch * shown;
    for (let i = first; i < first + shown; i++) {
      const round = Math.floor(i / images.length);
      const order = randomStream(seed, 'class-balanced', 'class', label, round);
      const turn = order.permutation(images.length)[i % images.length];
      planned.push({ index: images[turn], draw: round - Math.floor(first / images.length) });
    }
  }
  return planned;
}
