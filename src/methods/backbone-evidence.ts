// What evidence is drawn from where a method answers by the pooled features of one look at the image.

import { sum } from '../graph/ops/sum.ts';
import { relu } from '../graph/ops/unary.ts';
import type { Value } from '../graph/value.ts';
import type { Features } from '../nn/backbones/backbone.ts';
import { finerLevel } from '../nn/scda.ts';
import { hasHiddenLayers } from './backbone-pass.ts';
import { classActivation, gradientActivation } from './heat.ts';
import type { MethodContext, Recognition } from './method.ts';

/** Maps of the object and of what a score comes from. */
export function backboneEvidence(
  { backbone }: MethodContext,
  features: Features,
): Pick<Recognition, 'map' | 'finer' | 'heat'> {
  const { map, pooled } = features;
  const hidden = hasHiddenLayers(features);
  const finer = finerLevel(features);
  if (!backbone.frozen) {
    const heat = (score: Value) => gradientActivation(score, map);
    return { map, finer, ...(hidden ? { heat } : {}) };
  }
  const seen = relu(map); // maps of networks from elsewhere may have signs
  // no gradient comes back through them: where the map is high may be all that there is to show
  const heat = (score: Value) => (hidden ? sum(seen, [1]) : classActivation(score, pooled, map));
  return { map: seen, finer, heat };
}
