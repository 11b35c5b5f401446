// Which parameters belong to the first stages of a backbone: those that are kept from training.

import { fail } from '../../core/errors.ts';
import { parametersOf } from '../../graph/lower.ts';
import { input } from '../../graph/ops/leaf.ts';
import type { ParameterAttrs } from '../../graph/value.ts';
import { Parameters } from '../scope.ts';
import type { Backbone } from './backbone.ts';

/** No parameter depends on the size of the image. */
const SIZE = 224;

/**
 * Paths below the backbone of everything that its first `count` stages are made of, the stem
 * included. FM_CONFIG where it has fewer stages.
 */
export function pathsOfStages(backbone: Backbone, count: number): ReadonlySet<string> {
  if (count === 0) return new Set();
  const root = new Parameters().root();
  const image = input('image', [1, 3, SIZE, SIZE]);
  const { stages } = backbone.features(root, image, { norms: 'frozen', padding: 'torch' });
  if (count > stages.length) {
    throw fail('FM_CONFIG', 'network.freeze', {
      expected: `at most ${stages.length}, the stages of ${backbone.name}`,
      got: String(count),
      next: `They are ${stages.map(({ name }) => name).join(', ')}.`,
    });
  }
  const frozen = parametersOf(stages.slice(0, count).map(({ value }) => value));
  return new Set(frozen.map(({ node }) => (node.attrs as ParameterAttrs).path));
}
