// The training photographs of a run that are nearest to another photograph, by descriptor. Those of
// the classes that are asked for are computed once and cached.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import type { Box, Example } from '../core/example.ts';
import type { ProgressEvent } from '../core/progress.ts';
import { checkImages } from '../data/check.ts';
import { boxWithin } from '../data/image/preprocess.ts';
import { openTrainedImages } from '../data/trained-images.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { FeatureCache } from '../recognise/feature-cache.ts';
import { passOverImages } from '../recognise/image-pass.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import { engineVersion } from '../runtime/node.ts';
import { unitRows } from '../search/similarity.ts';
import { maxPixelsOf } from './config.ts';
import { rowKey } from './features.ts';
import { readRunConfig } from './run-folder.ts';

export interface NearestPhoto {
  readonly path: string;
  /** Cosine of the two descriptors. */
  readonly similarity: number;
  /** The object's box, for models that look within it. */
  readonly within?: Box;
}

/** Finds the training photograph of a class nearest to a photograph; undefined without any. */
export type FindNearest = (
  photo: string,
  embedding: Float32Array,
  className: string,
) => Promise<NearestPhoto | undefined>;

/**
 * Opens the training photographs of a run, those that were held out to choose among them. The
 * photograph itself, found by its bytes, is never its own neighbour. Throws FM_RUN where the folder
 * has no run or its fold cannot be cut as it was, and FM_DATASET where its data are gone.
 */
export async function openNearest(
  folder: string,
  recogniser: Recogniser,
  onProgress: (event: ProgressEvent) => void = () => {},
): Promise<FindNearest> {
  const { geometry, manifest } = recogniser;
  const config = await readRunConfig(folder);
  const maxPixels = maxPixelsOf(config);
  const { skipBad } = config;
  const images = { ...config, maxPixels };
  const { heldBack } = manifest.trained;
  const { dataset } = await openTrainedImages(images, heldBack, manifest.classes);
  const checked = async (examples: readonly Example[]) =>
    await checkImages(examples, { cacheFolder: cacheFolder('images'), maxPixels });
  const key = [manifest.sha256, JSON.stringify({ geometry, engineVersion })];
  const cache = await FeatureCache.open(cacheFolder('embeddings'), key, () => {});

  return async (photo, embedding, className) => {
    const label = dataset.classes.indexOf(className);
    const all = dataset.examples.filter((e) => e.split === 'train' && e.label === label);
    const { hashes } = await checked(all);
    if (!skipBad) mustBeReadable(all, hashes, config.data);
    const train = all.filter(({ id }) => hashes.has(id));
    const self = createHash('sha256')
      .update(await readFile(photo))
      .digest('hex');
    const others = train.filter(({ id }) => hashes.get(id) !== self);
    const rowOf = (example: Example) => rowKey(example, hashes.get(example.id)!, geometry);
    const missing = others.filter((example) => cache.get(rowOf(example)) === undefined);
    if (missing.length > 0) {
      const task = `descriptors of ${className}`;
      const options = { geometry, workers: 1, task, progress: onProgress, pause: () => {} };
      await passOverImages(recogniser.session, missing, options, async (i, outputs) => {
        await cache.put(
          rowOf(missing[i]),
          Float32Array.from(outputs.embedding.data as Float32Array),
        );
      });
      await cache.flush();
    }
    const found = nearestOf(others, (example) => cache.get(rowOf(example))!, embedding);
    if (found === undefined) return undefined;
    const { path, box } = found.example;
    return { path, similarity: found.similarity, within: boxWithin(geometry, box) };
  };
}

function mustBeReadable(
  train: readonly Example[],
  hashes: ReadonlyMap<string, string>,
  data: string,
): void {
  const lost = train.filter(({ id }) => !hashes.has(id));
  if (lost.length === 0) return;
  throw fail('FM_DATASET', data, {
    expected: "the run's training images",
    got: `${lost.length} that cannot be read, such as ${lost[0].path}`,
    next: 'Put them back where they were when the run was trained.',
  });
}

function nearestOf(
  examples: readonly Example[],
  rowOf: (example: Example) => Float32Array,
  embedding: Float32Array,
) {
  const query = unitRows(embedding, embedding.length);
  let best: { readonly example: Example; readonly similarity: number } | undefined;
  for (const example of examples) {
    const row = unitRows(rowOf(example), embedding.length);
    const similarity = row.reduce((sum, value, i) => sum + value * query[i], 0);
    if (best === undefined || similarity > best.similarity) best = { example, similarity };
  }
  return best;
}
