// Whether looking closer helps, asked of the validation images; and what is done where it does not.

import type { Finding, Review, ReviewedStage, ScaleResult } from '../stage.ts';
import { attentionOf, type RacnnContext } from './looks.ts';

/** Top-1 that a closer look may lose against the whole image. */
const TOLERANCE = 0.005;
/** Boxes that spread less than this, in shares of the image, are one and the same. */
const SPREAD = 0.01;

const FALLBACK = 'from here on SCDA says where to look';

/** Falls back to SCDA's boxes where those that were learnt are the same for all images. */
export function reviewBoxes(context: RacnnContext): Review['review'] {
  return ({ boxes, images }) => {
    const collapsed = looksOf(boxes).find(areTheSame);
    if (collapsed === undefined) return undefined;
    const text =
      `the attention has collapsed: its boxes are the same for all ${images} validation images` +
      ` (${described(collapsed[0])})`;
    return decide(context, text);
  };
}

/**
 * Falls back to SCDA's boxes where those that were learnt have collapsed, make the network less sure
 * of the truth than the look before, or answer worse than the whole image.
 */
export function reviewAttention(context: RacnnContext): Review['review'] {
  return (seen) =>
    reviewBoxes(context)(seen) ?? decide(context, accuracyLoss(seen) ?? lessSure(seen));
}

/** Says it where a closer look answers worse than the whole image. */
export function reviewAccuracy(seen: ReviewedStage): Finding | undefined {
  const text = accuracyLoss(seen);
  if (text === undefined) return undefined;
  return { text: `${text}; compare with '--method finetune' before relying on it` };
}

function decide(context: RacnnContext, text: string | undefined): Finding | undefined {
  if (text === undefined) return undefined;
  if (attentionOf(context) !== 'learnt') return { text };
  return { text: `${text}; ${FALLBACK}`, decisions: { attention: 'scda' } };
}

function accuracyLoss({ scales, images }: ReviewedStage): string | undefined {
  const [whole, ...closer] = scales;
  const worse = closer.find(({ top1 }) => top1 < whole.top1 - TOLERANCE);
  if (worse === undefined) return undefined;
  return (
    `looking closer hurts: ${worse.name} is right for ${percent(worse.top1)} of the ${images}` +
    ` validation images, the whole image for ${percent(whole.top1)}`
  );
}

function lessSure({ scales }: ReviewedStage): string | undefined {
  const gain = (closer: ScaleResult, i: number) => closer.truth - scales[i].truth;
  const worse = scales.slice(1).find((closer, i) => gain(closer, i) < 0);
  if (worse === undefined) return undefined;
  const before = scales[scales.indexOf(worse) - 1];
  return (
    `looking closer makes the network less sure: ${worse.name} gives the truth` +
    ` ${percent(worse.truth)} on average, ${before.name} ${percent(before.truth)}`
  );
}

/** The boxes of each look, from those of each image, four numbers a look. */
function looksOf(boxes: readonly Float32Array[]): Float32Array[][] {
  const looks = (boxes[0]?.length ?? 0) / 4;
  return Array.from({ length: looks }, (_, i) =>
    boxes.map((all) => all.subarray(4 * i, 4 * i + 4)),
  );
}

function areTheSame(boxes: readonly Float32Array[]): boolean {
  if (boxes.length < 2) return false;
  return boxes[0].every((_, k) => deviation(boxes.map((box) => box[k])) < SPREAD);
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, v) => a + v, 0) / values.length;
  return Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / values.length);
}

function described([x, y, side]: Float32Array): string {
  return `from ${percent(x)}, ${percent(y)}, ${percent(side)} of the side`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
