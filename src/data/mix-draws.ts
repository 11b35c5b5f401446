// What mixup and CutMix draw for a batch: the shares, and the rectangle that changes hands.

import type { RandomStream } from '../core/random.ts';

/** Parameters of the Beta distributions that shares are drawn from; 0 switches a kind off. */
export interface MixOptions {
  readonly mixup: number;
  readonly cutmix: number;
}

/** Pixels `left <= x < right`, `top <= y < bottom`. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How each row of a batch is mixed with the row before it, the first with the last. */
export interface MixPlan {
  /** What stays of the row itself, and of its target: lambda, a multiple of 2^-16 for mixup. */
  readonly share: number;
  /** CutMix: where the other image is pasted. Mixup: absent, everything is blended. */
  readonly box?: PixelBox;
}

/** Steps of mixup's shares between 0 and 1: bytes are blended in whole numbers. */
export const SHARE_STEPS: number = 2 ** 16;

/**
 * Draws what happens to a batch of images of a side of `size` pixels; nothing when both are off.
 * One share for the whole batch, and where both are on each of them with equal chance: as
 * torchvision's `MixUp` and `CutMix` under `RandomChoice`, and timm's `Mixup`.
 *
 * Mixup: Zhang et al. 2018 (arXiv 1710.09412), lambda ~ Beta(alpha, alpha).
 * CutMix: Yun et al. 2019 (arXiv 1905.04899), a rectangle with the image's proportions and the area
 * 1 - lambda around a uniform centre, cut at the border; lambda is then what is really left.
 */
export function drawMix(
  { mixup, cutmix }: MixOptions,
  size: number,
  stream: RandomStream,
): MixPlan | undefined {
  if (mixup === 0 && cutmix === 0) return undefined;
  const cuts = mixup === 0 || (cutmix > 0 && stream.child('kind').chance(0.5));
  const lambda = symmetricBeta(cuts ? cutmix : mixup, stream.child('share'));
  if (!cuts) return { share: Math.round(lambda * SHARE_STEPS) / SHARE_STEPS };
  const box = drawBox(lambda, size, stream.child('box'));
  const area = (box.right - box.left) * (box.bottom - box.top);
  return { share: 1 - area / size ** 2, box };
}

function drawBox(lambda: number, size: number, stream: RandomStream): PixelBox {
  const half = Math.floor(0.5 * Math.sqrt(1 - lambda) * size);
  const [x, y] = [stream.integer(size), stream.integer(size)];
  return {
    left: Math.max(0, x - half),
    top: Math.max(0, y - half),
    right: Math.min(size, x + half),
    bottom: Math.min(size, y + half),
  };
}

/** A draw from Beta(alpha, alpha): A / (A + B) for two gamma draws, without overflow for any alpha. */
export function symmetricBeta(alpha: number, stream: RandomStream): number {
  const a = logOfGamma(alpha, stream);
  const b = logOfGamma(alpha, stream);
  return 1 / (1 + Math.exp(b - a));
}

/**
 * Logarithm of a draw from Gamma(alpha, 1): Marsaglia and Tsang 2000 ("A simple method for
 * generating gamma variables", ACM TOMS 26(3)) for alpha + 1, times U^(1 / alpha) (their section 6).
 */
function logOfGamma(alpha: number, stream: RandomStream): number {
  const d = alpha + 1 - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(stream.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
      return Math.log(d * v) + Math.log(stream.uniform()) / alpha;
    }
  }
}
