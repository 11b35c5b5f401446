// Whether evaluation's centre crop has cut the object: then a view of the whole photograph sees more.

import type { Box } from '../core/example.ts';

/** From this share of the object outside of the view on it is worth a word. */
const WORTH_A_WORD = 0.3;

/** The share of a box that lies outside of what the network saw, 0 to 1. */
export function shareOutside([x, y, width, height]: Box, [left, top, w, h]: Box): number {
  const across = Math.min(x + width, left + w) - Math.max(x, left);
  const down = Math.min(y + height, top + h) - Math.max(y, top);
  return 1 - (Math.max(0, across) * Math.max(0, down)) / (width * height);
}

/** A sentence where much of the object lies outside of the view; undefined elsewhere. */
export function cutInWords(
  object: Box,
  view: Box,
  mode: 'centre-crop' | 'squash',
): string | undefined {
  const outside = shareOutside(object, view);
  if (mode !== 'centre-crop' || outside < WORTH_A_WORD) return undefined;
  return (
    `${Math.round(100 * outside)} % of the object lies outside of the part that the network sees: ` +
    'a model that is trained with view=squash sees whole photographs'
  );
}
