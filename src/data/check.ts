// Reads every image of a dataset before anything is trained on it, and reports all that is wrong
// at once. Answers are cached by path, size and time, so that the second run is quick.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { FieldmarkError, fail } from '../core/errors.ts';
import type { Dataset, Example } from '../core/example.ts';
import { decodeImage, readImageFile } from './image/decode.ts';
import type { ImageSize } from './image/preprocess.ts';

export interface CheckOptions {
  /** Images in flight. Default: twice the processors. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Folder for the cache file, made when absent. Default: no cache. */
  readonly cacheFolder?: string;
}

/** An image that cannot be used. */
export interface ImageProblem {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
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

/** Images with a shorter short side than this, in pixels, are of no use. */
export const SMALLEST_SIDE = 8;

/** Decodes and hashes every image. Rejects only when `signal` aborts; problems are collected. */
export async function checkImages(
  examples: readonly Pick<Example, 'id' | 'path'>[],
  options: CheckOptions = {},
): Promise<CheckedImages> {
  const { concurrency = 2 * availableParallelism(), onProgress, signal, cacheFolder } = options;
  const cache = await readCache(cacheFolder);
  const fresh: Cache = new Map(cache);
  const results = new Array<CacheEntry | string>(examples.length);
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < examples.length) {
      signal?.throwIfAborted();
      const i = next++;
      const { path } = examples[i];
      const result = await checkImage(path, cache.get(path));
      results[i] = result;
      if (typeof result === 'string') fresh.delete(path);
      else fresh.set(path, result);
      onProgress?.(++done, examples.length);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
  await writeCache(cacheFolder, fresh);
  return collect(examples, results);
}

function collect(
  examples: readonly Pick<Example, 'id' | 'path'>[],
  results: readonly (CacheEntry | string)[],
): CheckedImages {
  const checked: CheckedImages = { hashes: new Map(), sizes: new Map(), problems: [] };
  examples.forEach(({ id, path }, i) => {
    const result = results[i];
    if (typeof result === 'string') {
      checked.problems.push({ id, path, reason: result });
      return;
    }
    checked.hashes.set(id, result.hash);
    checked.sizes.set(id, { width: result.width, height: result.height });
  });
  return checked;
}

/** What is known of an image, or the reason why it cannot be used. */
async function checkImage(path: string, known?: CacheEntry): Promise<CacheEntry | string> {
  const entry = await stat(path).catch(() => undefined);
  if (known && entry?.size === known.bytes && entry.mtimeMs === known.mtimeMs) return known;
  try {
    const bytes = await readImageFile(path);
    const { width, height } = await decodeImage(bytes, { name: path });
    if (Math.min(width, height) < SMALLEST_SIDE) {
      return `${width} x ${height} pixels; at least ${SMALLEST_SIDE} on either side are needed`;
    }
    const hash = createHash('sha256').update(bytes).digest('hex');
    return { bytes: bytes.length, mtimeMs: entry!.mtimeMs, hash, width, height };
  } catch (error) {
    return reasonOf(error, path);
  }
}

/** The message without its path, which the report gives anyway, and without the next step. */
function reasonOf(error: unknown, path: string): string {
  if (!(error instanceof FieldmarkError)) return String(error);
  return error.message.replace(`${path}: `, '').replace(/\. [A-Z][^.]*\.$/, '');
}

/** Throws one FM_IMAGE that names the first ten problems; returns when there are none. */
export function raiseProblems(problems: readonly ImageProblem[]): void {
  if (problems.length === 0) return;
  const count = `${problems.length} image${problems.length === 1 ? '' : 's'} that cannot be used`;
  const named = problems.slice(0, 10).map(({ path, reason }) => `\n  ${path}: ${reason}`);
  const more = problems.length > 10 ? `\n  and ${problems.length - 10} more` : '';
  throw fail('FM_IMAGE', 'dataset', {
    expected: 'every image to decode',
    got: `${count}:${named.join('')}${more}\n`,
    next: 'Replace these files or remove them from the dataset.',
  });
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

const CACHE_VERSION = 1;
const CACHE_NAME = 'image-check.json';

interface CacheEntry extends ImageSize {
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly hash: string;
}

/** By absolute path. */
type Cache = Map<string, CacheEntry>;

// A cache that cannot be read is no cache: everything is checked again.
async function readCache(folder: string | undefined): Promise<Cache> {
  if (folder === undefined) return new Map();
  try {
    const { version, images } = JSON.parse(await readFile(join(folder, CACHE_NAME), 'utf8'));
    return version === CACHE_VERSION ? new Map(Object.entries(images)) : new Map();
  } catch {
    return new Map();
  }
}

// Nor does one that cannot be written stop anybody: the images have been checked.
async function writeCache(folder: string | undefined, cache: Cache): Promise<void> {
  if (folder === undefined) return;
  const text = JSON.stringify({ version: CACHE_VERSION, images: Object.fromEntries(cache) });
  const temporary = join(folder, `${CACHE_NAME}.${process.pid}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, join(folder, CACHE_NAME));
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
