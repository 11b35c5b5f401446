// What stands beside an exported model: everything that its graph does not say itself.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../core/errors.ts';

const hierarchyLevel = z.strictObject({
  name: z.string(),
  names: z.array(z.string()),
  ofClass: z.array(z.number().int().nonnegative()),
});

/** The content of `fieldmark.json`. */
export const manifestSchema = z.strictObject({
  /** Version of this format. */
  version: z.literal(1),
  classes: z.array(z.string()).min(1),
  hierarchy: z.array(hierarchyLevel).optional(),
  /** How a photograph becomes the graph's input: uint8 RGB [batch, size, size, 3]. */
  input: z.strictObject({
    size: z.number().int().positive(),
    /** Short side before the centre is cut, for `centre-crop`. */
    resizeShort: z.number().int().positive(),
    mode: z.enum(['centre-crop', 'squash']),
  }),
  /** The model divides its logits by this before its softmax. */
  temperature: z.number().positive(),
  backbone: z.string(),
  method: z.string(),
  /** Sentences on what the model may be used for: its weights' licence, its images'. */
  licences: z.array(z.string()),
  weights: z.strictObject({ source: z.string(), sha256: z.string().optional() }),
  trained: z.strictObject({
    dataset: z.string(),
    /** Images that the final network was trained on. */
    images: z.number().int().nonnegative(),
    seed: z.number().int(),
    /** Accuracy on the validation images that chose the epochs; null without any. */
    validationTop1: z.number().nullable(),
  }),
  /** SHA-256 of model.onnx. */
  sha256: z.string(),
  /** Logits of a test pattern (`goldenImage`), to check an engine with. */
  golden: z.strictObject({ logits: z.array(z.number()) }),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Files of an exported model. */
export const MODEL_FILE = 'model.onnx';
export const MANIFEST_FILE = 'fieldmark.json';

/** Reads and checks a manifest. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('FM_RUN', folder, {
      expected: `a trained model (${MANIFEST_FILE} and ${MODEL_FILE})`,
      got: 'none',
      next: "Finish the run with 'fieldmark train --resume', or check the path.",
      cause,
    });
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw fail('FM_FORMAT', path, {
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
