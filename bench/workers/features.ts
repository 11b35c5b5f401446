// From files to pooled features, as the feature cache is filled: photographs decoded in a worker
// thread, the frozen network run over one at a time. The loader stays from repetition to repetition.

import { type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { createLoader } from '../../src/data/loader.ts';
import { lower } from '../../src/graph/lower.ts';
import { IMAGE_INPUT } from '../../src/nn/image-input.ts';
import { foldConstants } from '../../src/runtime/fold.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { Job } from '../support/job.ts';
import { buildNetwork } from '../support/network.ts';
import type { Prepared } from '../support/serve.ts';

/** Photographs that the loader makes at a time, as in `passOverImages`. */
const CHUNK = 16;

/** One repetition goes over all photographs. */
export async function prepareFeatures(job: Job & { kind: 'features' }): Promise<Prepared> {
  const { net, size, threads, photos } = job;
  const { pooled, store } = buildNetwork(net, 'frozen', { batch: 1, size });
  const constants = (path: string): HostTensor | undefined => store.get(path);
  const known = await foldConstants([pooled], constants);
  const { bytes } = lower({ features: pooled }, { constants, known });
  const began = performance.now();
  const session = await createSession(bytes, { threads });
  const createMs = performance.now() - began;

  const chunks = Math.ceil(photos.length / CHUNK);
  let allowed = 0; // chunks that the loader may make: it works ahead, but not for the next repetition
  const view = { kind: 'evaluate', geometry: { size, mode: 'centre-crop' } } as const;
  const loader = createLoader({
    request: (chunk) => {
      if (chunk >= allowed) return undefined;
      const from = (chunk % chunks) * CHUNK;
      const items = photos
        .slice(from, from + CHUNK)
        .map((path, i) => ({ id: path, path, index: from + i }));
      return { items, view, seed: 0, epoch: 0 };
    },
  });
  const stride = size * size * 3;
  return {
    createMs,
    async repeat() {
      const start = performance.now();
      const first = allowed;
      allowed += chunks;
      for (let chunk = first; chunk < allowed; chunk++) {
        const { images } = await loader.next(chunk);
        for (let at = 0; at < images.length; at += stride) {
          const image = hostTensor('uint8', [1, size, size, 3], images.subarray(at, at + stride));
          await session.run({ [IMAGE_INPUT]: image });
        }
      }
      return (performance.now() - start) / photos.length;
    },
    async close() {
      await loader.close();
      await session.close();
    },
  };
}
