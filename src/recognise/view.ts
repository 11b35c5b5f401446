// From pixels to the square that a recogniser's network takes.

import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { DecodedImage, RawImage } from '../core/raw-image.ts';
import {
  type EvaluationGeometry,
  evaluationBox,
  type ImageSize,
} from '../data/image/preprocess.ts';
import { resizeCrop } from '../data/image/resize.ts';

/** What the network sees of a photograph. */
export interface CutView {
  /** The square. */
  readonly view: RawImage;
  /** Where it lies in the upright photograph, in pixels. */
  readonly crop: Box;
}

/** How a photograph is looked at. */
export interface LookOptions {
  /** The object's box in pixels of the photograph, for models that look within it. */
  readonly within?: Box;
  /** Photographs with more pixels are refused. Default: 256 million. */
  readonly maxPixels?: number;
}

/** Cuts and resizes. Decoding may have shrunk the pixels: the box is in those of the photograph. */
export function cutPixels(
  raw: RawImage | DecodedImage,
  geometry: EvaluationGeometry,
  within?: Box,
): CutView {
  if (within !== undefined) mustBeBox(within);
  const source = fullSize(raw);
  const crop = evaluationBox(source, geometry, within);
  const { size } = geometry;
  return { view: resizeCrop(raw, shrunkBox(crop, source, raw), size, size), crop };
}

/** Throws FM_USAGE for what is no box. */
export function mustBeBox(box: Box): void {
  const [, , width, height] = box;
  if (box.length === 4 && box.every(Number.isFinite) && width > 0 && height > 0) return;
  throw fail('FM_USAGE', 'within', {
    expected: 'a box [x, y, width, height] in pixels of the photograph',
    got: `[${[...box].join(', ')}]`,
    next: 'Leave it out to show the whole photograph.',
  });
}

function fullSize(raw: RawImage | DecodedImage): ImageSize {
  return 'sourceWidth' in raw ? { width: raw.sourceWidth, height: raw.sourceHeight } : raw;
}

function shrunkBox([x, y, width, height]: Box, from: ImageSize, to: ImageSize): Box {
  const [kx, ky] = [to.width / from.width, to.height / from.height];
  return [x * kx, y * ky, width * kx, height * ky];
}
