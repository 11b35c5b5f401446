// Runs a frozen graph over photographs as evaluation sees them, one at a time: what comes out
// for an image depends on that image alone.

import type { Box } from '../core/example.ts';
import { Pace, type ProgressEvent } from '../core/progress.ts';
import { type HostTensor, hostTensor } from '../core/tensor.ts';
import type { View } from '../core/view.ts';
import { boxWithin, type EvaluationGeometry } from '../data/image/preprocess.ts';
import { createLoader } from '../data/loader.ts';
import { IMAGE_INPUT } from '../nn/image-input.ts';
import type { Session } from '../runtime/session.ts';

/** A photograph on disk. An `Example` is one. */
export interface Photo {
  readonly id: string;
  /** Where the file lies. */
  readonly path: string;
  /** The object's, for geometries within boxes; without one all of the photograph is seen. */
  readonly box?: Box;
  readonly maskPath?: string;
}

export interface PassOptions {
  readonly geometry: EvaluationGeometry;
  readonly workers: number;
  /** Images with more pixels are refused. Default: that of `decodeImage`. */
  readonly maxPixels?: number;
  readonly task: string;
  readonly progress: (event: ProgressEvent) => void;
  /** Asked between images; throws to stop. */
  readonly pause: () => void;
  /**
   * Decoded views by example id, for images that are passed over again and again: filled by the
   * first pass, and read instead of the files by the next.
   */
  readonly kept?: Map<string, SeenView>;
  /** Whether masks are cut like the photographs, for `SeenView.mask`. */
  readonly masks?: boolean;
}

/** What the network is shown of a photograph. */
export interface SeenView {
  /** uint8 RGB, [size, size, 3]. */
  readonly pixels: Uint8Array;
  /** Which part of the photograph it is. */
  readonly view: View;
  readonly mask?: Uint8Array;
}

const CHUNK = 16;

/** Calls `visit` with the outputs for each example, in order. */
export async function passOverImages(
  session: Session,
  examples: readonly Photo[],
  options: PassOptions,
  visit: (
    index: number,
    outputs: Record<string, HostTensor>,
    seen: SeenView,
  ) => Promise<void> | void,
): Promise<void> {
  const { size } = options.geometry;
  const pace = new Pace();
  const total = examples.length;
  let index = 0;
  for await (const seen of viewsOf(examples, options)) {
    options.pause();
    const image = hostTensor('uint8', [1, size, size, 3], seen.pixels);
    await visit(index, await session.run({ [IMAGE_INPUT]: image }), seen);
    index++;
    if (index % CHUNK === 0 || index === total) {
      options.progress({ task: options.task, done: index, total, ...pace.measure(index, total) });
    }
  }
}

/** The square that the network takes of each example, uint8 RGB, in order. */
async function* viewsOf(
  examples: readonly Photo[],
  { geometry, workers, kept, masks, maxPixels }: PassOptions,
): AsyncGenerator<SeenView> {
  if (kept !== undefined && examples.every(({ id }) => kept.has(id))) {
    for (const { id } of examples) yield kept.get(id)!;
    return;
  }
  const bytes = geometry.size ** 2 * 3;
  const loader = createLoader({
    workers,
    request: (chunk) => {
      const items = examples
        .slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        .map(({ id, path, box, maskPath }, i) => {
          const mask = masks ? { mask: maskPath } : {};
          return { id, path, index: chunk * CHUNK + i, within: boxWithin(geometry, box), ...mask };
        });
      if (items.length === 0) return undefined;
      return { items, view: { kind: 'evaluate', geometry }, seed: 0, epoch: 0, maxPixels };
    },
  });
  try {
    for (let chunk = 0; chunk * CHUNK < examples.length; chunk++) {
      const loaded = await loader.next(chunk);
      for (const [i, index] of loaded.indices.entries()) {
        const pixels = loaded.images.subarray(i * bytes, (i + 1) * bytes);
        const seen = { pixels, view: loaded.plans[i], mask: loaded.masks[i] };
        kept?.set(examples[index].id, seen);
        yield seen;
      }
    }
  } finally {
    await loader.close();
  }
}
