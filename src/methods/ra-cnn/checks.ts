// What `ra-cnn` says to a task before its images are read.

import { fail } from '../../core/errors.ts';
import type { MethodTask } from '../method.ts';
import type { RacnnOptions } from './looks.ts';

/** Throws what cannot work. */
export function checkRacnn({ context }: MethodTask<RacnnOptions>): readonly string[] {
  const { pretrained, backbone, options } = context;
  if (!pretrained) {
    throw fail('FM_CONFIG', 'weights', {
      expected: "trained weights: method 'ra-cnn' starts from what they see in an image",
      got: "'none'",
      next: 'Pass --weights (docs/weights.md), or choose another method.',
    });
  }
  if (!backbone.frozen) return [];
  if (options.attention === 'learnt') {
    throw fail('FM_CONFIG', 'options.attention', {
      expected: `'scda' or 'centre' for the frozen network '${backbone.name}'`,
      got: "'learnt'",
      next: 'Use --set options.attention=scda, or a network of ours with --backbone.',
    });
  }
  for (const key of ['glance', 'zoomSize'] as const) {
    if (options[key] === 'size') continue;
    throw fail('FM_CONFIG', `options.${key}`, {
      expected: `'size', the only one that the frozen network '${backbone.name}' takes`,
      got: String(options[key]),
      next: 'Leave it out.',
    });
  }
  return [];
}
