// What the dataset says of the images that were answered.

import type { Box, Example } from '../core/example.ts';
import { type GroupOf, unitsOf } from '../data/splits.ts';

/** What is known of an image beside its label. */
export interface ImageFacts {
  /** The object's box, for models that look within it. */
  readonly box?: Box;
  /** The same for images of one group and for equal bytes, which say no more than one. */
  readonly unit: string;
}

/** By id. */
export type FactsOfImages = ReadonlyMap<string, ImageFacts>;

/** The facts of these images, whose bytes have these hashes. */
export function factsOfImages(
  examples: readonly Example[],
  hashes: GroupOf,
): Map<string, ImageFacts> {
  const units = unitsOf(examples, hashes);
  return new Map(examples.map(({ id, box }) => [id, { box, unit: units.get(id)! }]));
}
