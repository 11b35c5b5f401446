// What a person says about the images that weights or an ONNX trunk expect.

import { z } from 'zod';
import type { PaddingStyle } from '../nn/layers.ts';

/** Triple for red, green and blue. */
export type Triple = readonly [number, number, number];

/** Whatever is absent is found out; `docs/configuration.md` documents the fields. */
export interface InputOptions {
  /** Of pixels in 0..1, with `std`. */
  readonly mean?: Triple;
  readonly std?: Triple;
  /** Of weights only. */
  readonly padding?: PaddingStyle;
}

const positive = z.number().positive();

/** Three numbers, one a channel. */
export const triple: z.ZodType<Triple> = z.tuple([z.number(), z.number(), z.number()]);
/** Three numbers above 0. */
export const positiveTriple: z.ZodType<Triple> = z.tuple([positive, positive, positive]);

/** Checks the options of a configuration. */
export const inputOptions: z.ZodType<InputOptions> = z.strictObject({
  mean: triple.optional(),
  std: positiveTriple.optional(),
  padding: z.enum(['torch', 'same']).optional(),
});
