// How large and how small an image may be: judged by its header, before memory is taken for pixels.

import { ImageError } from './fault.ts';
import type { ImageSize } from './preprocess.ts';

/** Fits the photographs of all cameras of today; the largest have 200 million pixels. */
export const DEFAULT_MAX_PIXELS = 256_000_000;

/** Photographs with a shorter short side than this, in pixels, are of no use to a network. */
export const SMALLEST_SIDE = 8;

export interface SizeLimits {
  /** Images with more pixels than this are refused before they are decoded. Default: 256 million. */
  readonly maxPixels?: number;
  /** Images with a shorter side than this are refused. Default: 1. */
  readonly smallestSide?: number;
}

/** Throws FM_IMAGE where a photograph of this size is too large or too small, whatever its pixels. */
export function mustFit(
  { width, height }: ImageSize,
  { maxPixels = DEFAULT_MAX_PIXELS, smallestSide = SMALLEST_SIDE }: SizeLimits,
  where: string,
): void {
  if (width * height > maxPixels) {
    throw new ImageError(where, {
      kind: 'too-large',
      expected: `at most ${megapixels(maxPixels)}`,
      got: `${width} x ${height} pixels, which are ${megapixels(width * height)}`,
    });
  }
  if (Math.min(width, height) >= smallestSide) return;
  throw new ImageError(where, {
    kind: 'too-small',
    expected: `at least ${smallestSide} pixels on either side`,
    got: `${width} x ${height} pixels`,
  });
}

function megapixels(pixels: number): string {
  return `${Number((pixels / 1e6).toPrecision(4))} megapixels`;
}
