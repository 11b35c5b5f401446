// What can be set of a triplet run.

import { z } from 'zod';

export interface TripletOptions {
  /**
   * w, the share of the softmax: 0..1. The triplets' gradient in the features is divided by their
   * length, about 20 in MobileNetV2, so that an even share is far below the paper's 0.8 (ADR 0011).
   */
  readonly weight: number;
  /** m. Squared distances of features of unit length reach from 0 to 4. */
  readonly margin: number;
  /** m_1 > m_2 > ... > 0, for the classes and each level above; `auto`: from `margin` (ADR 0011). */
  readonly margins: 'auto' | readonly number[];
  /** Levels above the classes: where there are any, always (else it is an error), or never. */
  readonly hierarchy: Use;
  /** Margins scaled by attributes, likewise. */
  readonly attributes: Use;
  /** Epochs in which the whole network trains on the softmax alone first. */
  readonly warmup: number;
}

type Use = 'auto' | 'on' | 'off';

const use = z.enum(['auto', 'on', 'off']);
export const tripletOptions: z.ZodType<TripletOptions> = z.strictObject({
  weight: z.number().positive().max(1).default(0.2),
  margin: z.number().positive().max(4).default(0.5),
  margins: z.union([z.literal('auto'), z.array(z.number().positive())]).default('auto'),
  hierarchy: use.default('auto'),
  attributes: use.default('auto'),
  warmup: z.number().int().min(0).default(1),
});
