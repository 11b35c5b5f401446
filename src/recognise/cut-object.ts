// Whether evaluation's centre crop has cut the object: then a view of the whole photograph sees more.

import type { Box } from '../core/example.ts';
import { firstNames } from '../data/datasets/left-out.ts';

/**
 * From this share of the object outside of the view on it is worth a word. Of 543 photographs of birds as
 * people take them it is 8, and objects that fill a photograph of 4:3 or 3:2 are below it.
 */
const WORTH_A_WORD = 0.5;

/** Where the view keeps less than this of a photograph's length it is longer than 2:1, near enough. */
const LONG = 0.45;

const WAY_OUT = 'a model that is trained with --set view=squash sees whole photographs';

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
  const share = Math.round(100 * outside);
  return `${share} % of the object lies outside of the part that the network sees: ${WAY_OUT}`;
}

/**
 * Whether a centred view keeps so little of a photograph's length that hardly an object fits, which is
 * known without a search for the object.
 */
export function keepsLittle([x, y, w, h]: Box, mode: 'centre-crop' | 'squash'): boolean {
  return mode === 'centre-crop' && Math.min(w / (w + 2 * x), h / (h + 2 * y)) < LONG;
}

/** A sentence about the photographs of which the view keeps so little. */
export function longInWords(photos: readonly string[]): string {
  const less = 'long that the network sees less than half of';
  if (photos.length === 1) return `${photos[0]} is so ${less} it: ${WAY_OUT}`;
  return `${photos.length} photographs are so ${less} each (${firstNames(photos)}): ${WAY_OUT}`;
}
