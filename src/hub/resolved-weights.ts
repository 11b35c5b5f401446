// What a name of weights leads to.

import type { WeightsDescription } from './weights-description.ts';

/** A file of weights, and what is known about it besides what it says itself. */
export interface ResolvedWeights {
  readonly path: string;
  /** Exactly this file: with its commit or SHA-256 for what was fetched; else the path. */
  readonly name: string;
  /** Known of what was fetched. */
  readonly sha256?: string;
  readonly description?: Partial<WeightsDescription>;
  /** Who says what the description says. */
  readonly describedBy?: string;
  /** timm's name of the network that the weights belong to. */
  readonly architecture?: string;
}

/** Bytes that no weights file exceeds. */
export const LARGEST = 2 ** 32;
