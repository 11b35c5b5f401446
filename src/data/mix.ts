// Mixup and CutMix on the host: bytes of images, rows of features, and targets, in place. A batch of
// bytes is mixed in less time than the graph would take to read it, and a step keeps one input.

import { type MixPlan, type PixelBox, SHARE_STEPS } from './mix-draws.ts';

/** Mixes RGB bytes [count, size, size, 3]. Blends are rounded to the nearest byte, halves up. */
export function mixImages(images: Uint8Array, count: number, size: number, plan: MixPlan): void {
  const { share, box } = plan;
  withPredecessor(images, count, size * size * 3, (own, other) => {
    if (box === undefined) blendBytes(own, other, share * SHARE_STEPS);
    else paste(own, other, size, box);
  });
}

/** Mixes the first `count` rows of float tensors: features, targets. */
export function mixRows(rows: Float32Array, count: number, width: number, share: number): void {
  withPredecessor(rows, count, width, (own, other) => {
    for (let i = 0; i < own.length; i++) own[i] = share * own[i] + (1 - share) * other[i];
  });
}

/** From the last row to the first, so that each one's predecessor is still as it was. */
function withPredecessor<T extends Uint8Array | Float32Array>(
  data: T,
  count: number,
  width: number,
  mix: (own: T, other: T) => void,
): void {
  const row = (i: number) => data.subarray(i * width, (i + 1) * width) as T;
  const last = row(count - 1).slice() as T;
  for (let i = count - 1; i > 0; i--) mix(row(i), row(i - 1));
  mix(row(0), last);
}

/** `weight` of SHARE_STEPS parts of one's own. */
function blendBytes(own: Uint8Array, other: Uint8Array, weight: number): void {
  const rest = SHARE_STEPS - weight;
  const half = SHARE_STEPS / 2;
  for (let i = 0; i < own.length; i++) {
    own[i] = (own[i] * weight + other[i] * rest + half) >>> 16;
  }
}

function paste(own: Uint8Array, other: Uint8Array, size: number, box: PixelBox): void {
  for (let y = box.top; y < box.bottom; y++) {
    const [from, to] = [(y * size + box.left) * 3, (y * size + box.right) * 3];
    own.set(other.subarray(from, to), from);
  }
}
