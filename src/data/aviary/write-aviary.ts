// Draws a whole data set onto the disk, in the layout of CUB-200-2011. Everything goes into a
// folder beside the target that is renamed at the end: an interrupted run leaves no target.

import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fail } from '../../core/errors.ts';
import type { Box } from '../../core/example.ts';
import { randomStream } from '../../core/random.ts';
import { encodeGrayPng, renderSvgGray, svgToJpeg } from '../image/render.ts';
import { type Annotation, className, type Entry, listEntries, textFiles } from './cub-layout.ts';
import { withLabelNoise } from './label-noise.ts';
import { type AviaryOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { partPoints } from './parts.ts';
import { drawMask, drawScene, type Scene, sampleScene } from './scene.ts';
import { designSpecies, type Species } from './species.ts';

/** Changes whenever the same options would give other pictures. */
export const AVIARY_VERSION = 1;

export interface WriteAviaryOptions extends AviaryOptions {
  /** The folder to make; it must not exist, or be empty. */
  readonly out: string;
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface AviarySummary {
  /** Absolute path of the data set. */
  readonly root: string;
  readonly classes: number;
  readonly genera: number;
  readonly train: number;
  readonly test: number;
  /** Training labels that are wrong on purpose. */
  readonly wrongLabels: number;
}

/**
 * Writes the data set and says what it holds. A picture with a wrong label stays in the folder of
 * its true species (so that ids do not depend on the noise): `image_class_labels.txt` holds the
 * labels to learn from, `true_labels.txt` the true ones. Masks and boxes are of the bird's
 * visible pixels. Throws `FM_CONFIG` for bad options and `FM_DISK` where it cannot write.
 */
export async function writeAviary(options: WriteAviaryOptions): Promise<AviarySummary> {
  const { out, onProgress, signal, ...rest } = options;
  const resolved = resolveOptions(rest);
  const root = resolve(out);
  await refuseFullFolder(root);
  const partial = `${root}.partial-${process.pid}`;
  await onDisk(root, async () => {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
  });
  try {
    const summary = await fill(partial, resolved, { onProgress, signal });
    await onDisk(root, async () => {
      await rm(root, { recursive: true, force: true });
      await rename(partial, root);
    });
    return { root, ...summary };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** A scene of a data set: the `index`-th picture of a species, whatever that species looks like. */
export function sceneOf(species: number, index: number, options: ResolvedOptions): Scene {
  return sampleScene(randomStream(options.seed, 'aviary', 'scene', species, index), options);
}

type Watch = Pick<WriteAviaryOptions, 'onProgress' | 'signal'>;

async function fill(
  folder: string,
  options: ResolvedOptions,
  watch: Watch,
): Promise<Omit<AviarySummary, 'root'>> {
  const species = designSpecies(options);
  const entries = listEntries(species, options);
  await makeFolders(folder, species);
  const annotations = await drawAll(folder, { species, entries, options, watch });
  const labels = noisyLabels(entries, options);
  const files = textFiles(species, entries, { annotations, labels });
  files['aviary.json'] = describe(options, species);
  await onDisk(folder, async () => {
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  });
  const train = entries.filter((entry) => entry.train).length;
  return {
    classes: species.length,
    genera: new Set(species.map(({ genus }) => genus)).size,
    train,
    test: entries.length - train,
    wrongLabels: entries.filter((entry, i) => entry.species !== labels[i]).length,
  };
}

async function makeFolders(folder: string, species: readonly Species[]): Promise<void> {
  await onDisk(folder, async () => {
    for (const kind of ['attributes', 'parts']) await mkdir(join(folder, kind));
    for (const kind of ['images', 'segmentations']) {
      for (let i = 0; i < species.length; i++) {
        await mkdir(join(folder, kind, className(species, i)), { recursive: true });
      }
    }
  });
}

interface Work {
  readonly species: readonly Species[];
  readonly entries: readonly Entry[];
  readonly options: ResolvedOptions;
  readonly watch: Watch;
}

/** Pictures in flight: enough to keep sharp's threads busy while the next SVG is composed. */
const IN_FLIGHT = 4;

async function drawAll(folder: string, work: Work): Promise<Annotation[]> {
  const { entries, watch } = work;
  const annotations = new Array<Annotation>(entries.length);
  let next = 0;
  let done = 0;
  let failed = false;
  const lane = async () => {
    while (next < entries.length && !failed) {
      watch.signal?.throwIfAborted();
      const i = next++;
      annotations[i] = await drawOne(folder, entries[i], work);
      watch.onProgress?.(++done, entries.length);
    }
  };
  const guarded = () =>
    lane().catch((error: unknown) => {
      failed = true;
      throw error;
    });
  const lanes = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, guarded));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  return annotations;
}

async function drawOne(folder: string, entry: Entry, work: Work): Promise<Annotation> {
  const { imageSize: size } = work.options;
  const { marks } = work.species[entry.species];
  const scene = sceneOf(entry.species, entry.index, work.options);
  const [jpeg, mask] = await Promise.all([
    svgToJpeg(drawScene(scene, marks), { width: size, height: size, quality: 92 }),
    renderSvgGray(drawMask(scene, marks), size, size),
  ]);
  const white = mask.map((value) => (value < 128 ? 0 : 255));
  const png = await encodeGrayPng(white, size, size);
  await onDisk(folder, async () => {
    await writeFile(join(folder, 'images', `${entry.stem}.jpg`), jpeg);
    await writeFile(join(folder, 'segmentations', `${entry.stem}.png`), png);
  });
  return { box: boxOf(white, size), parts: partPoints(scene) };
}

/** The smallest box around the white pixels of a mask `size` wide. */
export function boxOf(mask: Uint8Array, size: number): Box {
  let [left, top, right, bottom] = [size, Number.POSITIVE_INFINITY, -1, -1];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const [x, y] = [i % size, Math.floor(i / size)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = y;
  }
  return [left, top, right - left + 1, bottom - top + 1];
}

function noisyLabels(entries: readonly Entry[], options: ResolvedOptions): number[] {
  return withLabelNoise(
    randomStream(options.seed, 'aviary', 'label noise'),
    entries.map((entry) => entry.species),
    {
      candidates: entries.flatMap((entry, i) => (entry.train ? [i] : [])),
      classes: options.classes,
      share: options.labelNoise,
    },
  );
}

function describe(options: ResolvedOptions, species: readonly Species[]): string {
  const about = { format: 'aviary', version: AVIARY_VERSION, options, species };
  return `${JSON.stringify(about, null, 2)}\n`;
}

async function refuseFullFolder(root: string): Promise<void> {
  const found = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw cannotWrite(root, error);
  });
  if (found.length === 0) return;
  throw fail('FM_DISK', root, {
    expected: 'a folder that does not exist or is empty',
    got: `a folder with ${found.length} entries`,
    next: 'Choose another folder or delete this one.',
  });
}

async function onDisk<T>(path: string, action: () => Promise<T>): Promise<T> {
  return action().catch((error: unknown) => {
    throw cannotWrite(path, error as Error);
  });
}

function cannotWrite(path: string, error: Error): Error {
  return fail('FM_DISK', path, {
    expected: 'a place to write to',
    got: error.message,
    next: 'Check the path, its permissions and the free space.',
    cause: error,
  });
}
