// From files to normalised float tensors with random crop and flip, one photograph after
// the other: a single thread works at any time.

import { loadBatch } from '../../src/data/batch.ts';
import type { Job } from '../support/job.ts';
import type { Prepared } from '../support/serve.ts';

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** One repetition goes over all photographs, each with crops of its own. */
export async function prepareJpeg(job: Job & { kind: 'jpeg' }): Promise<Prepared> {
  const { size, scale, photos } = job;
  const view = { kind: 'augment', size, options: { scale } } as const;
  let epoch = 0;
  return {
    async repeat() {
      const start = performance.now();
      for (const path of photos) {
        const items = [{ index: 0, id: path, path }];
        const { images } = await loadBatch({ items, view, seed: 0, epoch });
        planes(images, size);
      }
      epoch++;
      return (performance.now() - start) / photos.length;
    },
    close: async () => {},
  };
}

/** (v / 255 - mean) / std as a table: there are only 256 values. */
const tables = MEAN.map((mean, c) =>
  Float32Array.from({ length: 256 }, (_, v) => (v / 255 - mean) / STD[c]),
);

/**
 * Bytes [size, size, 3] to float32 [3, size, size]. In training the graph does this; here it is ours
 * to do, so that both sides end with the same tensor.
 */
function planes(bytes: Uint8Array, size: number): Float32Array {
  const area = size * size;
  const out = new Float32Array(3 * area);
  const [red, green, blue] = tables;
  for (let i = 0, at = 0; i < area; i++, at += 3) {
    out[i] = red[bytes[at]];
    out[i + area] = green[bytes[at + 1]];
    out[i + 2 * area] = blue[bytes[at + 2]];
  }
  return out;
}
