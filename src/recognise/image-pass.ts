// Runs a frozen graph over photographs as evaluation sees them, one at a time: what comes out
// for an image depends on that image alone.

import type { Example } from '../core/example.ts';
import { Pace, type ProgressEvent } from '../core/progress.ts';
import { type HostTensor, hostTensor } from '../core/tensor.ts';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import { createLoader } from '../data/loader.ts';
import { IMAGE_INPUT } from '../nn/image-input.ts';
import type { Session } from '../runtime/session.ts';

export interface PassOptions {
  readonly geometry: EvaluationGeometry;
  readonly workers: number;
  readonly task: string;
  readonly progress: (event: ProgressEvent) => void;
  /** Asked between images; throws to stop. */
  readonly pause: () => void;
}

const CHUNK = 16;

/** Calls `visit` with the outputs for each example, in order. */
export async function passOverImages(
  session: Session,
  examples: readonly Example[],
  options: PassOptions,
  visit: (index: number, outputs: Record<string, HostTensor>) => Promise<void> | void,
): Promise<void> {
  const { geometry, workers, task } = options;
  const loader = createLoader({
    workers,
    request: (chunk) => {
      const items = examples.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
      if (items.length === 0) return undefined;
      return {
        items: items.map(({ id, path }, i) => ({ id, path, index: chunk * CHUNK + i })),
        view: { kind: 'evaluate', geometry },
        seed: 0,
        epoch: 0,
      };
    },
  });
  const pace = new Pace();
  const { size } = geometry;
  const bytes = size * size * 3;
  try {
    for (let chunk = 0; chunk * CHUNK < examples.length; chunk++) {
      const { images, indices } = await loader.next(chunk);
      for (const [i, index] of indices.entries()) {
        options.pause();
        const view = images.subarray(i * bytes, (i + 1) * bytes);
        const image = hostTensor('uint8', [1, size, size, 3], view);
        await visit(index, await session.run({ [IMAGE_INPUT]: image }));
      }
      const done = Math.min((chunk + 1) * CHUNK, examples.length);
      options.progress({
        task,
        done,
        total: examples.length,
        ...pace.measure(done, examples.length),
      });
    }
  } finally {
    await loader.close();
  }
}
