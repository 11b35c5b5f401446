// Features of all images of a phase: from the cache where possible, else by one pass over them.

import { createHash } from 'node:crypto';
import type { Example } from '../core/example.ts';
import { sizeOf } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { lower } from '../graph/lower.ts';
import type { FeatureStage } from '../methods/stage.ts';
import { imageInput } from '../nn/image-input.ts';
import { type ParameterNumbers, Parameters } from '../nn/scope.ts';
import { FeatureCache } from '../recognise/feature-cache.ts';
import { passOverImages } from '../recognise/image-pass.ts';
import { foldConstants } from '../runtime/fold.ts';
import { createSession, engineVersion } from '../runtime/node.ts';
import { maxPixelsOf } from './config.ts';
import type { Emit } from './events.ts';
import type { Phase } from './phase.ts';
import type { Task } from './task.ts';

export interface FeatureTable {
  /** Shape of one image's features. */
  readonly shape: readonly number[];
  /** In the order of the examples. */
  readonly rows: readonly Float32Array[];
}

/**
 * Features of the examples under the network of the phase's stage, which is frozen by then. Those of
 * one that this run has trained are not kept on disk: no other run has it.
 */
export async function featuresOf(
  task: Task,
  { stage, ownNetwork }: { readonly stage: FeatureStage } & Pick<Phase, 'ownNetwork'>,
  store: ParameterNumbers,
  examples: readonly Example[],
  emit: Emit,
  pause: () => void,
): Promise<FeatureTable> {
  const { config, geometry } = task;
  const parameters = new Parameters();
  const features = stage.features(parameters.root(), imageInput(1, config.size));
  const constants = (path: string): HostTensor | undefined => store.get(path);
  const known = await foldConstants([features], constants);
  const { bytes } = lower({ features }, { constants, known });
  const cache = ownNetwork ? FeatureCache.inMemory() : await sharedCache(task, bytes, emit);
  const hashOf = (example: Example) => rowKey(example, task.hashes.get(example.id)!, geometry);
  const missing = examples.filter((example) => cache.get(hashOf(example)) === undefined);
  if (missing.length > 0) {
    const session = await createSession(bytes, { threads: config.threads });
    const options = {
      geometry,
      workers: config.workers,
      maxPixels: maxPixelsOf(config),
      task: 'features',
      progress: emit.progress,
      pause,
    };
    try {
      await passOverImages(session, missing, options, async (i, outputs) => {
        await cache.put(hashOf(missing[i]), outputs.features.data as Float32Array);
      });
    } finally {
      await cache.flush();
      await session.close();
    }
  }
  const shape = features.shape.slice(1);
  return { shape, rows: examples.map((example) => checked(cache.get(hashOf(example))!, shape)) };
}

async function sharedCache({ config, geometry }: Task, network: Uint8Array, emit: Emit) {
  const threads = config.threads ?? 0;
  const settings = JSON.stringify({ geometry, threads, engineVersion });
  const key = [createHash('sha256').update(network).digest(), settings];
  return await FeatureCache.open(cacheFolder('features'), key, emit.note);
}

/** What a row depends on besides the network: the image, and the box that is cut out of it. */
export function rowKey({ box }: Example, hash: string, { within }: EvaluationGeometry): string {
  if (within === undefined || box === undefined) return hash;
  return createHash('sha256').update(hash).update(JSON.stringify(box)).digest('hex');
}

function checked(row: Float32Array, shape: readonly number[]): Float32Array {
  if (row.length !== sizeOf(shape)) throw new Error('feature cache: a row of another length');
  return row;
}

/** Root mean square of the rows' l2 norms; 1 when all are zero. */
export function rootMeanSquareNorm({ rows }: FeatureTable): number {
  let total = 0;
  for (const row of rows) for (const v of row) total += v * v;
  return Math.sqrt(total / Math.max(1, rows.length)) || 1;
}
