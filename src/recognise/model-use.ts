// What a model is loaded for: its graph computes no more than that.

import { fail } from '../core/errors.ts';
import { withoutOutputs } from '../graph/onnx/edit.ts';
import { openContrast } from './open-contrast.ts';
import type { OpenedModel } from './open-model.ts';

/** Outputs of the shipped graph that nothing but evidence is made of. */
const MAPS = ['activation', 'heat', 'descriptors'];

export interface ModelUse {
  /** An answer is to be explained against a rival. */
  readonly contrast: boolean;
  /** Where the network looked is to be shown. */
  readonly evidence: boolean;
}

/** The graph for a session of that use. Throws FM_USAGE for what excludes itself. */
export function graphFor(
  { bytes, path }: OpenedModel,
  { contrast, evidence }: ModelUse,
): Uint8Array {
  if (evidence) return contrast ? openContrast(bytes, path) : bytes;
  if (!contrast) return withoutOutputs(bytes, MAPS);
  throw fail('FM_USAGE', 'evidence', {
    expected: "true beside 'contrast', which is about the evidence",
    got: 'false',
    next: 'Leave out one of the two.',
  });
}
