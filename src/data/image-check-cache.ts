// What the check of images found, by path, size and time of change: one file for all datasets.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageSize } from './image/preprocess.ts';

/** A file that was read, and its upright size. */
export interface CheckedFile extends ImageSize {
  readonly bytes: number;
  readonly mtimeMs: number;
  /** SHA-256 in hexadecimal. */
  readonly hash: string;
}

/** By absolute path. */
export type CheckCache = Map<string, CheckedFile>;

// 2: what is too small or too large is judged when asked, not when read
const VERSION = 2;
const NAME = 'image-check.json';

/** A cache that cannot be read, or is of another version, is no cache: everything is checked again. */
export async function readCheckCache(folder: string | undefined): Promise<CheckCache> {
  if (folder === undefined) return new Map();
  try {
    const { version, images } = JSON.parse(await readFile(join(folder, NAME), 'utf8'));
    return version === VERSION ? new Map(Object.entries(images)) : new Map();
  } catch {
    return new Map();
  }
}

/** One that cannot be written stops nobody: the images have been checked. */
export async function writeCheckCache(
  folder: string | undefined,
  cache: CheckCache,
): Promise<void> {
  if (folder === undefined) return;
  const text = JSON.stringify({ version: VERSION, images: Object.fromEntries(cache) });
  const temporary = join(folder, `${NAME}.${process.pid}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, join(folder, NAME));
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
