// Finds the object in a whole photograph with a network that gives an object map (SCDA).

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import type { FieldMap } from '../data/image/heat-map.ts';
import { resizeCrop, wholeBox } from '../data/image/resize.ts';
import { type ScdaMask, scdaBox, scdaMask } from './scda.ts';

/** An object in a photograph. */
export interface LocatedObject {
  /** Its cells, evenly over `region`. */
  readonly mask: ScdaMask;
  /** The part of the photograph that the mask lies over. */
  readonly region: Box;
  /** The box around the mask, in pixels of the photograph. */
  readonly box: Box;
}

/**
 * Squashes the photograph to the network's square of `size` pixels and asks `mapOf` for the object
 * map of it and of its mirror image. The two are averaged: what a network has learnt to see a little
 * to one side of where its cells lie, it sees to the other side in the mirror.
 */
export async function locateObject(
  image: RawImage,
  size: number,
  mapOf: (view: RawImage) => Promise<FieldMap>,
): Promise<LocatedObject> {
  const region = wholeBox(image);
  const straight = await mapOf(resizeCrop(image, region, size, size));
  const mirror = await mapOf(resizeCrop(image, region, size, size, { flip: true }));
  const mask = scdaMask(average(straight, mirror));
  return { mask, region, box: scdaBox(mask, region) };
}

/** Each cell with the cell of the mirror image's map that shows the same. */
function average({ width, height, data }: FieldMap, mirror: FieldMap): FieldMap {
  const both = Float32Array.from({ length: width * height }, (_, i) => {
    const opposite = i - (i % width) + (width - 1 - (i % width));
    return (data[i] + mirror.data[opposite]) / 2;
  });
  return { width, height, data: both };
}
