// Which parameters belong to the first levels of a backbone: those that are kept from training.

import { fail } from '../../core/errors.ts';
import { parametersOf } from '../../graph/lower.ts';
import { input } from '../../graph/ops/leaf.ts';
import type { ParameterAttrs } from '../../graph/tensor-type.ts';
import { Parameters } from '../scope.ts';
import type { Backbone } from './backbone.ts';

/** No parameter depends on the size of the image. */
const SIZE = 224;

/**
 * Paths below the backbone of everything that its first `count` levels are made of, the stem
 * included. FM_CONFIG where it has fewer levels.
 */
export function pathsOfLevels(backbone: Backbone, count: number): ReadonlySet<string> {
  if (count === 0) return new Set();
  const root = new Parameters().root();
  const image = input('image', [1, 3, SIZE, SIZE]);
  const { levels } = backbone.features(root, image, { norms: 'frozen', padding: 'torch' });
  if (count > levels.length) {
    throw fail('FM_CONFIG', 'network.freeze', {
      expected: `at most ${levels.length}, the levels of ${backbone.name}`,
      got: String(count),
      next: `They are ${levels.map(({ name }) => name).join(', ')}.`,
    });
  }
  const frozen = parametersOf(levels.slice(0, count).map(({ value }) => value));
  return new Set(frozen.map(({ node }) => (node.attrs as ParameterAttrs).path));
}
