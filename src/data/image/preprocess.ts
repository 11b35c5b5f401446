// Which part of an image the network sees when it is not training, so that one `resizeCrop` does
// torchvision's "resize the short side, cut the centre" in a single resampling.

import type { Box } from '../../core/example.ts';
import type { RawImage } from '../../core/raw-image.ts';
import { resizeCrop } from './resize.ts';

export interface EvaluationGeometry {
  /** Side of the square that the network takes, in pixels. */
  readonly size: number;
  /** What the short side is resized to before the centre is cut. Default: `size * 256 / 224`. */
  readonly resizeShort?: number;
  /** `centre-crop` keeps the aspect and loses the rim; `squash` keeps everything, not the aspect. */
  readonly mode: 'centre-crop' | 'squash';
  /** `box`: the object's annotated box is cut out first. Default: the whole image is seen. */
  readonly within?: 'box';
}

/** The object's box, where the geometry looks within it and it is known. */
export function boxWithin({ within }: EvaluationGeometry, box: Box | undefined): Box | undefined {
  return within === 'box' ? box : undefined;
}

/** A width and a height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The short side that an image is resized to. For `squash` it is `size`. */
export function shortSideOf({ size, resizeShort, mode }: EvaluationGeometry): number {
  if (mode === 'squash') return size;
  return resizeShort ?? Math.round((size * 256) / 224);
}

/**
 * The box of the source image that becomes the network's square. `within` cuts to an object's box
 * first. Where `resizeShort` is less than `size` the box reaches outside, and the border repeats.
 */
export function evaluationBox(
  source: ImageSize,
  geometry: EvaluationGeometry,
  within: Box = [0, 0, source.width, source.height],
): Box {
  const [x, y, width, height] = within;
  if (geometry.mode === 'squash') return within;
  const short = shortSideOf(geometry);
  const scaledWidth = width <= height ? short : Math.floor((short * width) / height);
  const scaledHeight = width <= height ? Math.floor((short * height) / width) : short;
  const scaleX = width / scaledWidth;
  const scaleY = height / scaledHeight;
  return [
    x + roundHalfEven((scaledWidth - geometry.size) / 2) * scaleX,
    y + roundHalfEven((scaledHeight - geometry.size) / 2) * scaleY,
    geometry.size * scaleX,
    geometry.size * scaleY,
  ];
}

/** The network's square, cut from an image and resized. */
export function preprocessImage(
  image: RawImage,
  geometry: EvaluationGeometry,
  within?: Box,
): RawImage {
  return resizeCrop(image, evaluationBox(image, geometry, within), geometry.size, geometry.size);
}

/** Python's `round`, which torchvision's centre crop uses. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
