// Every sampler there is, and choosing one.

import { fail } from '../../core/errors.ts';
import type { Sampler, SamplerOptions } from '../../core/sampler.ts';
import { balanced } from './balanced.ts';
import { classBalanced } from './class-balanced.ts';
import { shuffled } from './shuffled.ts';

export const samplers: readonly Sampler[] = [shuffled, balanced, classBalanced];

/** The sampler of some options: one of a method's own, or of the table. Throws FM_CONFIG. */
export function findSampler({ kind }: SamplerOptions, own: readonly Sampler[] = []): Sampler {
  const all = [...own, ...samplers];
  const found = all.find((sampler) => sampler.kind === kind);
  if (found !== undefined) return found;
  throw fail('FM_CONFIG', 'sampler.kind', {
    expected: `one of ${all.map((sampler) => sampler.kind).join(', ')}`,
    got: `'${kind}'`,
    next: "See 'Samplers' in docs/configuration.md.",
  });
}
