// Where of an image a view is, and how boxes and part points follow it. Plain data, no pixels.

import type { Box, PartPoint } from './example.ts';

/** A crop of an image, mirrored or not, with a rectangle of it erased or not. */
export interface View {
  /** Upright size of the source file, which `crop` refers to. */
  readonly width: number;
  readonly height: number;
  readonly crop: Box;
  readonly flip: boolean;
  readonly erase?: ErasedRect;
}

export interface ErasedRect {
  /** In shares of the output's width and height. */
  readonly rect: Box;
}

/**
 * A box of the source image in pixels of the output, clipped to it; `undefined` when nothing of it
 * is left. Coordinates are continuous: pixel 0 covers 0 to 1.
 */
export function mapBox(box: Box, view: View, outSize: number): Box | undefined {
  const [cropX, cropY, cropWidth, cropHeight] = view.crop;
  const left = ((box[0] - cropX) * outSize) / cropWidth;
  const right = ((box[0] + box[2] - cropX) * outSize) / cropWidth;
  const top = Math.max(0, ((box[1] - cropY) * outSize) / cropHeight);
  const bottom = Math.min(outSize, ((box[1] + box[3] - cropY) * outSize) / cropHeight);
  const x0 = Math.max(0, view.flip ? outSize - right : left);
  const x1 = Math.min(outSize, view.flip ? outSize - left : right);
  return x1 > x0 && bottom > top ? [x0, top, x1 - x0, bottom - top] : undefined;
}

/**
 * Part points in pixels of the output; those outside, and those that are erased, become invisible. A flip exchanges the parts
 * of each pair in `swaps` (`Dataset.partSwaps`): a left eye becomes a right eye.
 */
export function mapParts(
  parts: readonly PartPoint[],
  swaps: readonly (readonly [number, number])[],
  view: View,
  outSize: number,
): PartPoint[] {
  const mapped = parts.map((part) => mapPoint(part, view, outSize));
  if (!view.flip) return mapped;
  for (const [a, b] of swaps) [mapped[a], mapped[b]] = [mapped[b], mapped[a]];
  return mapped;
}

function mapPoint(part: PartPoint, view: View, outSize: number): PartPoint {
  const [cropX, cropY, cropWidth, cropHeight] = view.crop;
  const across = ((part.x - cropX) * outSize) / cropWidth;
  const x = view.flip ? outSize - across : across;
  const y = ((part.y - cropY) * outSize) / cropHeight;
  const inside = x >= 0 && y >= 0 && x < outSize && y < outSize;
  const seen = part.visible && inside && !isErased(x / outSize, y / outSize, view);
  return seen ? { x, y, visible: true } : { x: 0, y: 0, visible: false };
}

function isErased(x: number, y: number, { erase }: View): boolean {
  if (erase === undefined) return false;
  const [left, top, width, height] = erase.rect;
  return x >= left && y >= top && x < left + width && y < top + height;
}
