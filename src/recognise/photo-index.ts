// An index of the photographs in a folder: built once, asked for what looks like another photograph.

import { dirname, join } from 'node:path';
import { fail, mustBeCount } from '../core/errors.ts';
import { Pace, type ProgressEvent } from '../core/progress.ts';
import { type ImageProblem, raiseProblems } from '../data/bad-images.ts';
import { checkImages } from '../data/check.ts';
import { findPhotos } from '../data/datasets/folder.ts';
import { isFolder } from '../data/datasets/lines.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { ExactStore } from '../search/exact-store.ts';
import { checkSameModel, type LoadedIndex } from '../search/index-file.ts';
import { reRank } from '../search/re-ranking.ts';
import { allSimilarities, joinRows, unitRows } from '../search/similarity.ts';
import type { Neighbour } from '../search/vector-store.ts';
import { fitWhitening, whiten } from '../search/whitening.ts';
import type { Describer } from './describer.ts';
import { FeatureCache } from './feature-cache.ts';
import { type Photo, passOverImages } from './image-pass.ts';

export interface BuildOptions {
  /** Whiten the descriptors to so many numbers. */
  readonly whiten?: number;
  /** Leave photographs out that cannot be used, instead of refusing the folder. */
  readonly skipBad?: boolean;
  /** Photographs with more pixels cannot be used. Default: 256 million. */
  readonly maxPixels?: number;
  /** Threads that decode images. Default: 1. */
  readonly workers?: number;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Notes on what is left out of the folder, and on the cache of features. */
  readonly onNote?: (text: string) => void;
  /** Stops between photographs; what is described by then is kept for the next time. */
  readonly signal?: AbortSignal;
}

export interface BuiltIndex extends LoadedIndex<ExactStore> {
  /** Photographs that were left out. */
  readonly skipped: readonly ImageProblem[];
}

/**
 * Describes every photograph at any depth below a folder. The folders between it and a photograph
 * are the photograph's label: `a/b` of `a/b/1.jpg`. Throws FM_IMAGE, naming them, where photographs
 * cannot be read.
 */
export async function buildPhotoIndex(
  folder: string,
  describer: Describer,
  options: BuildOptions = {},
): Promise<BuiltIndex> {
  const { onProgress = () => {}, signal } = options;
  const names = await namesIn(folder, options);
  const photos = names.map((id) => ({ id, path: join(folder, ...id.split('/')) }));
  const pace = new Pace();
  const { hashes, problems } = await checkImages(photos, {
    cacheFolder: cacheFolder('images'),
    maxPixels: options.maxPixels,
    signal,
    onProgress: (done, total) =>
      onProgress({ task: 'reading photographs', done, total, ...pace.measure(done, total) }),
  });
  if (options.skipBad !== true) {
    const next = 'Replace these files, or go on without them (--skip-bad).';
    await raiseProblems(problems, { where: folder, next });
  }
  const readable = photos.filter(({ id }) => hashes.has(id));
  if (readable.length === 0) throw noPhotos(folder, problems.length);
  const rows = await describeAll(describer, readable, hashes, options);
  const whitened = await whitenedRows(rows, options.whiten);
  const store = new ExactStore(whitened.width);
  store.add(readable.map(itemOf), whitened.rows);
  return {
    store,
    about: { model: describer.model, whitening: whitened.whitening },
    skipped: problems,
  };
}

async function namesIn(folder: string, { onNote = () => {} }: BuildOptions): Promise<string[]> {
  if (!(await isFolder(folder))) {
    throw fail('FM_DATASET', folder, {
      expected: 'a folder of photographs',
      got: 'nothing there',
      next: 'Check the path given to --build.',
    });
  }
  const { photos, notes } = await findPhotos(folder);
  for (const note of notes) onNote(note);
  if (photos.length === 0) throw noPhotos(folder, 0);
  return photos;
}

function noPhotos(folder: string, unreadable: number) {
  return fail('FM_DATASET', folder, {
    expected: 'photographs in the folder or below it',
    got: unreadable === 0 ? 'none' : `${unreadable} that cannot be read`,
    next: 'Check the path given to --build.',
  });
}

function itemOf({ id, path }: Photo) {
  const parent = dirname(id);
  return parent === '.' ? { id, path } : { id, path, label: parent };
}

/** Unit descriptors, from the cache where possible, and cached as they are computed. */
async function describeAll(
  describer: Describer,
  photos: readonly Photo[],
  hashes: ReadonlyMap<string, string>,
  { workers = 1, maxPixels, onProgress = () => {}, onNote = () => {}, signal }: BuildOptions,
): Promise<readonly Float32Array[]> {
  const cache = await FeatureCache.open(cacheFolder('features'), [describer.key], onNote);
  const hashOf = ({ id }: Photo) => hashes.get(id)!;
  const missing = photos.filter((photo) => cache.get(hashOf(photo)) === undefined);
  const { geometry, session } = describer;
  const pause = () => signal?.throwIfAborted();
  const task = 'describing photographs';
  try {
    await passOverImages(
      session,
      missing,
      { geometry, workers, maxPixels, task, progress: onProgress, pause },
      (i, { embedding }) => cache.put(hashOf(missing[i]), embedding.data as Float32Array),
    );
  } finally {
    await cache.flush();
  }
  return photos.map((photo) =>
    unitRows(cache.get(hashOf(photo))!, cache.get(hashOf(photo))!.length),
  );
}

async function whitenedRows(parts: readonly Float32Array[], to: number | undefined) {
  const width = parts[0].length;
  const rows = joinRows(parts);
  if (to === undefined) return { width, rows };
  const whitening = await fitWhitening(rows, width, { to });
  return { width: to, rows: await whiten(rows, whitening), whitening };
}

export interface SearchOptions {
  /** How many photographs to return. Default: 10. */
  readonly top?: number;
  /** Order the 200 nearest by k-reciprocal re-ranking; further ones follow as they were. */
  readonly rerank?: boolean;
  /** Photographs with more pixels are refused. Default: 256 million. */
  readonly maxPixels?: number;
}

/** Photographs that re-ranking looks at, the nearest by similarity; memory grows as the square. */
const CANDIDATES = 200;

/** The nearest photographs of an index, nearest first, for each photograph asked about. */
export async function searchPhotos(
  place: string,
  { store, about }: LoadedIndex<ExactStore>,
  describer: Describer,
  photos: readonly string[],
  { top = 10, rerank = false, maxPixels }: SearchOptions = {},
): Promise<Neighbour[][]> {
  mustBeCount(top, 'top', 'Without it the 10 nearest are returned.');
  checkSameModel(place, about.model, describer.model);
  const queries = await describeQueries(describer, photos, maxPixels);
  const rows = about.whitening === undefined ? queries : await whiten(queries, about.whitening);
  const found = await store.search(rows, rerank ? Math.max(top, CANDIDATES) : top);
  if (!rerank) return found;
  const { dimension: d } = store;
  const ordered: Neighbour[][] = [];
  // one after the other: each has a session of the engine
  for (const [i, near] of found.entries()) {
    const query = unitRows(rows.slice(i * d, (i + 1) * d), d);
    const first = await reRanked(store, query, near.slice(0, CANDIDATES));
    ordered.push([...first, ...near.slice(CANDIDATES)].slice(0, top));
  }
  return ordered;
}

async function describeQueries(
  { session, geometry }: Describer,
  photos: readonly string[],
  maxPixels: number | undefined,
): Promise<Float32Array> {
  const found: Float32Array[] = [];
  const none = () => {};
  const options = { geometry, workers: 0, maxPixels, task: 'queries', progress: none, pause: none };
  const items = photos.map((path, i) => ({ id: `${i}`, path }));
  await passOverImages(session, items, options, (_, { embedding }) => {
    found.push(unitRows(embedding.data as Float32Array, embedding.data.length));
  });
  return joinRows(found);
}

/** The neighbours of a unit query, ordered by distances that count common neighbours. */
async function reRanked(
  { vectors, dimension: d }: ExactStore,
  query: Float32Array,
  near: readonly Neighbour[],
): Promise<Neighbour[]> {
  const rows = near.map(({ index }) => vectors.subarray(index * d, (index + 1) * d));
  const n = rows.length + 1;
  const distances = reRank(await allSimilarities(joinRows([query, ...rows]), d), n);
  return near
    .map((neighbour, i) => ({ neighbour, distance: distances[i + 1] }))
    .sort((a, b) => a.distance - b.distance)
    .map(({ neighbour }) => neighbour);
}
