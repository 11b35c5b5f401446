// Small pictures for tests, and the folder with the real ones.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { randomStream } from '../../src/core/random.ts';
import type { RawImage } from '../../src/core/raw-image.ts';

/** Red grows to the right, green downwards, blue along the diagonal. */
export function gradientImage(width: number, height: number): RawImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      data[at] = (255 * x) / width;
      data[at + 1] = (255 * y) / height;
      data[at + 2] = (255 * (x + y)) / (width + height);
    }
  }
  return { width, height, data };
}

/** Independent uniform bytes. */
export function noiseImage(width: number, height: number, seed = 1): RawImage {
  const stream = randomStream(seed, 'noise-image');
  const data = Uint8Array.from({ length: width * height * 3 }, () => stream.integer(256));
  return { width, height, data };
}

/** A path inside `../shared`, or undefined, with a printed reason, where it is absent. */
export function sharedPath(path: string): string | undefined {
  const full = fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
  if (existsSync(full)) return full;
  console.log(`skipped: ${full} is not there`);
  return undefined;
}
