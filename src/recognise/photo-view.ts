// From a photograph to the square that a recogniser's network takes, with Node's decoders.

import type { DecodedImage, RawImage } from '../core/raw-image.ts';
import { type DecodeOptions, decodePhoto } from '../data/image/decode.ts';
import { type EvaluationGeometry, shortSideOf } from '../data/image/preprocess.ts';
import type { ReadPhotograph } from '../data/image/read-photograph.ts';
import { type CutView, cutPixels, type LookOptions, mustBeBox } from './view.ts';

export interface ViewRequest extends LookOptions {
  readonly photo: ReadPhotograph;
}

/** Decodes, cuts and resizes. */
export async function cutView(
  { photo, within, maxPixels }: ViewRequest,
  geometry: EvaluationGeometry,
): Promise<CutView> {
  if (within !== undefined) mustBeBox(within);
  const minSide = within ? undefined : shortSideOf(geometry);
  return cutPixels(await decodedPhoto(photo, { minSide, maxPixels }), geometry, within);
}

/** The pixels of a photograph; decoding may shrink them to twice `minSide`. Throws as `decodePhoto`. */
export async function decodedPhoto(
  photo: ReadPhotograph,
  limits: Pick<DecodeOptions, 'minSide' | 'maxPixels'> = {},
): Promise<RawImage | DecodedImage> {
  if ('pixels' in photo) return photo.pixels;
  return await decodePhoto(photo.file, { ...limits, name: photo.name });
}
