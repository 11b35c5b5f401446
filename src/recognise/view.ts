// From a photograph to the square that a recogniser's network takes.

import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { type DecodedImage, type DecodeOptions, decodePhoto } from '../data/image/decode.ts';
import type { ReadPhotograph } from '../data/image/photograph.ts';
import {
  type EvaluationGeometry,
  evaluationBox,
  type ImageSize,
  shortSideOf,
} from '../data/image/preprocess.ts';
import { resizeCrop } from '../data/image/resize.ts';

/** What the network sees of a photograph. */
export interface CutView {
  /** The square. */
  readonly view: RawImage;
  /** Where it lies in the upright photograph, in pixels. */
  readonly crop: Box;
}

export interface ViewRequest {
  readonly photo: ReadPhotograph;
  /** The object's box in pixels of the photograph, for models that look within it. */
  readonly within?: Box;
  /** Photographs with more pixels are refused. Default: 256 million. */
  readonly maxPixels?: number;
}

/** Decodes, cuts and resizes. */
export async function cutView(
  { photo, within, maxPixels }: ViewRequest,
  geometry: EvaluationGeometry,
): Promise<CutView> {
  if (within !== undefined) checkBox(within);
  const minSide = within ? undefined : shortSideOf(geometry);
  const raw = await decodedPhoto(photo, { minSide, maxPixels });
  // decoding may have shrunk the photograph: the crop is that of its full size
  const source = fullSize(raw);
  const crop = evaluationBox(source, geometry, within);
  const { size } = geometry;
  return { view: resizeCrop(raw, shrunkBox(crop, source, raw), size, size), crop };
}

/** The pixels of a photograph; decoding may shrink them to twice `minSide`. Throws as `decodePhoto`. */
export async function decodedPhoto(
  photo: ReadPhotograph,
  limits: Pick<DecodeOptions, 'minSide' | 'maxPixels'> = {},
): Promise<RawImage | DecodedImage> {
  if ('pixels' in photo) return photo.pixels;
  return await decodePhoto(photo.file, { ...limits, name: photo.name });
}

function checkBox(box: Box): void {
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
