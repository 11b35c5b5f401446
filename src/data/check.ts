// Reads every image of a dataset before anything is trained on it, and reports all that is wrong
// at once. Answers are cached by path, size and time, so that the second run is quick.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Dataset, Example } from '../core/example.ts';
import type { ImageProblem } from './bad-images.ts';
import { decodePhoto } from './image/decode.ts';
import { ImageError, type ImageFault } from './image/fault.ts';
import { mustFit } from './image/limits.ts';
import type { ImageSize } from './image/preprocess.ts';
import { readImageFile } from './image/read-file.ts';
import { type CheckedFile, readCheckCache, writeCheckCache } from './image-check-cache.ts';

export interface CheckOptions {
  /** Images in flight. Default: twice the processors. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Folder for the cache file, made when absent. Default: no cache. */
  readonly cacheFolder?: string;
  /** Images with more pixels are a problem. Default: that of `decodeImage`. */
  readonly maxPixels?: number;
}

/** Everything known after reading the images; those with problems have no hash and no size. */
export interface CheckedImages {
  /** SHA-256 of the file's bytes, in hexadecimal, by example id: equal means duplicate. */
  readonly hashes: Map<string, string>;
  /** Upright sizes in pixels, by example id. */
  readonly sizes: Map<string, ImageSize>;
  /** In the order of the examples. */
  readonly problems: ImageProblem[];
}

/** Decodes and hashes every image. Rejects only when `signal` aborts; problems are collected. */
export async function checkImages(
  examples: readonly Pick<Example, 'id' | 'path'>[],
  options: CheckOptions = {},
): Promise<CheckedImages> {
  const { concurrency = 2 * availableParallelism(), onProgress, signal, cacheFolder } = options;
  const cache = await readCheckCache(cacheFolder);
  const fresh = new Map(cache);
  const results = new Array<CheckedFile | ImageFault>(examples.length);
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < examples.length) {
      signal?.throwIfAborted();
      const i = next++;
      const { path } = examples[i];
      const result = await checkImage(path, cache.get(path), options.maxPixels);
      results[i] = result;
      if ('kind' in result) fresh.delete(path);
      else fresh.set(path, result);
      onProgress?.(++done, examples.length);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
  await writeCheckCache(cacheFolder, fresh);
  return collect(examples, results);
}

function collect(
  examples: readonly Pick<Example, 'id' | 'path'>[],
  results: readonly (CheckedFile | ImageFault)[],
): CheckedImages {
  const checked: CheckedImages = { hashes: new Map(), sizes: new Map(), problems: [] };
  examples.forEach(({ id, path }, i) => {
    const result = results[i];
    if ('kind' in result) {
      checked.problems.push({ id, path, ...result });
      return;
    }
    checked.hashes.set(id, result.hash);
    checked.sizes.set(id, { width: result.width, height: result.height });
  });
  return checked;
}

/** Far below what any network sees, so that the check of a large photograph takes little memory. */
const CHECKED_SIDE = 256;

/** What is known of an image, or what is wrong with it. */
async function checkImage(
  path: string,
  known: CheckedFile | undefined,
  maxPixels: number | undefined,
): Promise<CheckedFile | ImageFault> {
  const entry = await stat(path).catch(() => undefined);
  try {
    if (known && entry?.size === known.bytes && entry.mtimeMs === known.mtimeMs) {
      mustFit(known, { maxPixels }, path);
      return known;
    }
    const bytes = await readImageFile(path);
    const options = { name: path, minSide: CHECKED_SIDE, maxPixels };
    const { sourceWidth: width, sourceHeight: height } = await decodePhoto(bytes, options);
    const hash = createHash('sha256').update(bytes).digest('hex');
    return { bytes: bytes.length, mtimeMs: entry!.mtimeMs, hash, width, height };
  } catch (error) {
    if (error instanceof ImageError) return error.fault;
    return { kind: 'unreadable', got: `a file that cannot be read (${(error as Error).message})` };
  }
}

/** A class that cannot be trained (`error`) or hardly (`warning`). */
export interface ClassProblem {
  readonly level: 'error' | 'warning';
  readonly className: string;
  readonly reason: string;
}

/** Classes without a training image, and those with a single one. */
export function checkClasses(dataset: Dataset): ClassProblem[] {
  const counts = new Array<number>(dataset.classes.length).fill(0);
  for (const { label, split } of dataset.examples) if (split === 'train') counts[label]++;
  return dataset.classes.flatMap((className, label): ClassProblem[] => {
    if (counts[label] > 1) return [];
    if (counts[label] === 1) return [{ level: 'warning', className, reason: 'one training image' }];
    return [{ level: 'error', className, reason: 'no training image' }];
  });
}
