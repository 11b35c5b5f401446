// Wrong labels on purpose, for methods that should survive them.

import type { RandomStream } from '../../core/random.ts';

/**
 * Replaces exactly `round(share * candidates.length)` labels by another class, each wrong class
 * equally likely. `candidates` are indices into `labels`; labels are 0-based.
 */
export function withLabelNoise(
  stream: RandomStream,
  labels: readonly number[],
  { candidates, classes, share }: { candidates: readonly number[]; classes: number; share: number },
): number[] {
  const noisy = [...labels];
  const order = stream.permutation(candidates.length);
  for (const i of order.slice(0, Math.round(share * candidates.length))) {
    const at = candidates[i];
    noisy[at] = (labels[at] + 1 + stream.integer(classes - 1)) % classes;
  }
  return noisy;
}
