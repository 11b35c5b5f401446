// Training augmentation in two steps: draw a plan (plain data), then apply it to pixels. Boxes, part
// points and masks follow the same plan (core/view.ts). Semantics are torchvision's; the colours are in
// jitter.ts.

import type { Box } from '../../core/example.ts';
import type { RandomStream } from '../../core/random.ts';
import type { RawImage } from '../../core/raw-image.ts';
import type { ErasedRect, View } from '../../core/view.ts';
import { applyJitter, type JitterOptions, type JitterPlan, sampleJitter } from './jitter.ts';
import type { ImageSize } from './preprocess.ts';
import { resizeCrop } from './resize.ts';

export interface AugmentationOptions {
  /** Area of the crop as a share of the image's, [low, high]. Default: [0.35, 1]. */
  readonly scale?: readonly [number, number];
  /** Width over height of the crop, [low, high]. Default: [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
  /** Instead of `scale` and `ratio`: a square at a random place, its side a share of the short side. */
  readonly window?: number;
  /** Probability of mirroring. Default: 0.5. */
  readonly flip?: number;
  /** Colour jitter. Default: none. */
  readonly jitter?: JitterOptions;
  /** Random erasing. Default: none. */
  readonly erase?: EraseOptions;
}

export interface EraseOptions {
  /** Probability. Default: 0.25. */
  readonly p?: number;
  /** Area of the rectangle as a share of the output's. Default: [0.02, 0.33]. */
  readonly area?: readonly [number, number];
  /** Height over width. Default: [0.3, 3.3]. */
  readonly ratio?: readonly [number, number];
  /** `noise`: random bytes; `mean`: ImageNet's mean colour. Default: `noise`. */
  readonly fill?: 'noise' | 'mean';
}

/** What happens to one image: plain data that can be sent to a worker or written down. */
export interface AugmentationPlan extends View {
  readonly jitter?: JitterPlan;
  readonly erase?: ErasePlan;
}

export interface ErasePlan extends ErasedRect {
  readonly fill: 'noise' | 'mean';
  readonly noiseSeed: number;
}

/**
 * Draws a plan. Every part has a stream of its own below `stream`, so switching jitter on does not
 * change the crops. `within` restricts the crop to an object's box.
 */
export function sampleAugmentation(
  size: ImageSize,
  options: AugmentationOptions,
  stream: RandomStream,
  within: Box = [0, 0, size.width, size.height],
): AugmentationPlan {
  const { window, jitter, erase } = options;
  const cropStream = stream.child('crop');
  return {
    width: size.width,
    height: size.height,
    crop:
      window === undefined
        ? sampleCrop(within, options, cropStream)
        : sampleWindow(within, window, cropStream),
    flip: stream.child('flip').chance(options.flip ?? 0.5),
    jitter: jitter && sampleJitter(jitter, stream.child('jitter')),
    erase: erase && sampleErase(erase, stream.child('erase')),
  };
}

/** RandomResizedCrop: ten tries, then the largest centred crop within the ratios. */
function sampleCrop(
  [x, y, width, height]: Box,
  { scale = [0.35, 1], ratio = [3 / 4, 4 / 3] }: AugmentationOptions,
  stream: RandomStream,
): Box {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * stream.uniform(...scale);
    const aspect = Math.exp(stream.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return [x + stream.uniform(0, width - w), y + stream.uniform(0, height - h), w, h];
  }
  const aspect = Math.min(Math.max(width / height, ratio[0]), ratio[1]);
  const w = Math.min(width, height * aspect);
  const h = Math.min(height, width / aspect);
  return [x + (width - w) / 2, y + (height - h) / 2, w, h];
}

function sampleWindow([x, y, width, height]: Box, share: number, stream: RandomStream): Box {
  const side = Math.min(width, height) * Math.min(share, 1);
  return [x + stream.uniform(0, width - side), y + stream.uniform(0, height - side), side, side];
}

/** RandomErasing, on a square output: ten tries, then none. */
function sampleErase(options: EraseOptions, stream: RandomStream): ErasePlan | undefined {
  const { p = 0.25, area = [0.02, 0.33], ratio = [0.3, 3.3], fill = 'noise' } = options;
  if (!stream.chance(p)) return undefined;
  for (let attempt = 0; attempt < 10; attempt++) {
    const share = stream.uniform(...area);
    const aspect = Math.exp(stream.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const h = Math.sqrt(share * aspect);
    const w = Math.sqrt(share / aspect);
    if (w >= 1 || h >= 1) continue;
    const rect: Box = [stream.uniform(0, 1 - w), stream.uniform(0, 1 - h), w, h];
    return { rect, fill, noiseSeed: stream.uint32() };
  }
  return undefined;
}

/**
 * Cuts, mirrors, resizes to `outSize` x `outSize`, jitters and erases, in this order. The image may
 * have been shrunk by its decoder: the plan's crop is scaled to it.
 */
export function applyAugmentation(
  image: RawImage,
  plan: AugmentationPlan,
  outSize: number,
): RawImage {
  const scaleX = image.width / plan.width;
  const scaleY = image.height / plan.height;
  const [x, y, width, height] = plan.crop;
  const box: Box = [x * scaleX, y * scaleY, width * scaleX, height * scaleY];
  const out = resizeCrop(image, box, outSize, outSize, { flip: plan.flip });
  if (plan.jitter) applyJitter(out.data, plan.jitter);
  if (plan.erase) eraseRect(out, plan.erase);
  return out;
}

/**
 * The mask of an image under its plan, [outSize, outSize]: 255 is the object, 0 what is not, and what is
 * erased. The mask may be of another size than the image.
 */
export function applyToMask(mask: RawImage, plan: AugmentationPlan, outSize: number): Uint8Array {
  const { width, height, crop, flip, erase } = plan;
  const { data } = applyAugmentation(mask, { width, height, crop, flip }, outSize);
  const plane = Uint8Array.from({ length: outSize * outSize }, (_, i) => data[3 * i]);
  if (erase === undefined) return plane;
  const [left, top, right, bottom] = erasedPixels(erase, outSize, outSize);
  for (let y = top; y < bottom; y++) plane.fill(0, y * outSize + left, y * outSize + right);
  return plane;
}

/** Left, top, right and bottom of what is erased, in whole pixels of the output. */
function erasedPixels({ rect }: ErasedRect, width: number, height: number) {
  const [left, right] = [Math.round(rect[0] * width), Math.round((rect[0] + rect[2]) * width)];
  const [top, bottom] = [Math.round(rect[1] * height), Math.round((rect[1] + rect[3]) * height)];
  return [left, top, right, bottom] as const;
}

const MEAN_COLOUR = [124, 116, 104]; // ImageNet's mean in 8 bits

function eraseRect({ width, height, data }: RawImage, plan: ErasePlan): void {
  const { fill, noiseSeed } = plan;
  const [left, top, right, bottom] = erasedPixels(plan, width, height);
  let state = noiseSeed | 1; // xorshift32 (Marsaglia 2003): one keyed draw seeds a whole rectangle
  for (let y = top; y < bottom; y++) {
    const end = (y * width + right) * 3;
    for (let i = (y * width + left) * 3; i < end; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      // the mean of two bytes has deviation 52, close to natural images' 58
      data[i] = fill === 'mean' ? MEAN_COLOUR[i % 3] : ((state & 255) + ((state >>> 8) & 255)) >> 1;
    }
  }
}
