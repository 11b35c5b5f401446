// What stands beside an exported model: everything that its graph does not say itself.

import * as z from 'zod';
import { fail } from '../core/errors.ts';
import type { HierarchyLevel } from '../core/example.ts';
import type { SeenImages } from '../data/seen-images.ts';
import type { CellGrid } from '../nn/receptive-field.ts';

/** The content of `fieldmark.json`. */
export interface Manifest {
  /** Version of this format. */
  readonly version: 1;
  readonly classes: readonly string[];
  /** Levels above the classes, coarsest first. */
  readonly hierarchy?: readonly HierarchyLevel[];
  /** How a photograph becomes the graph's input: uint8 RGB [batch, size, size, 3]. */
  readonly input: {
    readonly size: number;
    /** Short side before the centre is cut, for `centre-crop`. */
    readonly resizeShort: number;
    readonly mode: 'centre-crop' | 'squash';
    /** `box`: the object's box is cut out first, where one is known. */
    readonly within?: 'box';
  };
  /** Where the cells of the graph's output `descriptors` lie in its input; absent without that. */
  readonly descriptorGrid?: CellGrid;
  /** The model divides its logits by this before its softmax. */
  readonly temperature: number;
  readonly backbone: string;
  readonly method: string;
  /** Sentences on what the model may be used for: its weights' licence, its images'. */
  readonly licences: readonly string[];
  readonly weights: { readonly source: string; readonly sha256?: string };
  readonly trained: {
    readonly dataset: string;
    /** Images that the final network was trained on. */
    readonly images: number;
    readonly seed: number;
    /** Accuracy on the validation images that chose the epochs; null without any. */
    readonly validationTop1: number | null;
    /** What reviews of the training's stages found, in order; absent without any. */
    readonly findings?: readonly string[];
    /** Of a run of one fold: which images it held back (`heldBackHash`). */
    readonly heldBack?: string;
    /** Which photographs it has seen, so that figures on them are not taken for others. */
    readonly seen?: SeenImages;
  };
  /** SHA-256 of model.onnx. */
  readonly sha256: string;
  /** Logits of a test pattern (`goldenImage`), to check an engine with. */
  readonly golden: { readonly logits: readonly number[] };
}

const axis = z.strictObject({ origin: z.number(), stride: z.number().positive() });
const count = z.number().int().nonnegative();
const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  version: z.literal(1),
  classes: z.array(z.string()).min(1),
  hierarchy: z
    .array(
      z.strictObject({ name: z.string(), names: z.array(z.string()), ofClass: z.array(count) }),
    )
    .optional(),
  input: z.strictObject({
    size: count.min(1),
    resizeShort: count.min(1),
    mode: z.enum(['centre-crop', 'squash']),
    within: z.literal('box').optional(),
  }),
  descriptorGrid: z.tuple([axis, axis]).optional(),
  temperature: z.number().positive(),
  backbone: z.string(),
  method: z.string(),
  licences: z.array(z.string()),
  weights: z.strictObject({ source: z.string(), sha256: z.string().optional() }),
  trained: z.strictObject({
    dataset: z.string(),
    images: count,
    seed: z.number().int(),
    validationTop1: z.number().nullable(),
    findings: z.array(z.string()).optional(),
    heldBack: z.string().optional(),
    seen: z
      .strictObject({ trained: z.string(), chosen: z.string(), every: count.min(1) })
      .optional(),
  }),
  sha256: z.string(),
  golden: z.strictObject({ logits: z.array(z.number()) }),
});

/** Files of an exported model. */
export const MODEL_FILE = 'model.onnx';
export const MANIFEST_FILE = 'fieldmark.json';

/** Checks the text of a manifest; `where` is what messages call it. */
export function parseManifest(text: string, where: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw fail('FM_FORMAT', where, {
      expected: 'a manifest of version 1',
      got: (cause as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200),
      next: 'Export the model again.',
      cause,
    });
  }
}

/** A colourful test pattern, the same everywhere: uint8 [size, size, 3]. */
export function goldenImage(size: number): Uint8Array {
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const at = (y * size + x) * 3;
      pixels[at] = (x * 255) / size;
      pixels[at + 1] = (y * 255) / size;
      pixels[at + 2] = ((x ^ y) * 7) & 255;
    }
  return pixels;
}
