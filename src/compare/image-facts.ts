// What the dataset says of the images that were answered.

import type { Box, Example } from '../core/example.ts';

/** What is known of an image beside its label. */
export interface ImageFacts {
  /** The object's box, for models that look within it. */
  readonly box?: Box;
}

/** By id. */
export type FactsOfImages = ReadonlyMap<string, ImageFacts>;

/** The facts of these images. */
export function factsOfImages(examples: readonly Example[]): Map<string, ImageFacts> {
  return new Map(examples.map(({ id, box }) => [id, { box }]));
}
