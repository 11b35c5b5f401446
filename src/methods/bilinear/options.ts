// What can be set of a bilinear run, full and compact.

import { z } from 'zod';

export interface BilinearOptions {
  /** A backbone whose map is pooled with the first one's; `none`: the first one's with itself. */
  readonly second: string;
  /** Its weights, as a run names them. Default: those of the backbone, if the first has some too. */
  readonly secondWeights?: string;
  /** What is pooled: the whole image, or a square around the object that SCDA finds in it. */
  readonly crop: 'none' | 'object';
  /** What is trained anew once the network is: the classifier, the paper's machines, or nothing. */
  readonly finish: 'softmax' | 'svm' | 'none';
}

export interface CompactBilinearOptions extends BilinearOptions {
  /** Numbers of the descriptor. */
  readonly dimension: number;
}

const common = {
  second: z.string().default('none'),
  secondWeights: z.string().min(1).optional(),
  crop: z.enum(['none', 'object']).default('none'),
  finish: z.enum(['softmax', 'svm', 'none']).default('softmax'),
};
export const bilinearOptions: z.ZodType<BilinearOptions> = z.strictObject(common);
export const compactBilinearOptions: z.ZodType<CompactBilinearOptions> = z.strictObject({
  ...common,
  dimension: z.number().int().min(16).max(65536).default(8192),
});
