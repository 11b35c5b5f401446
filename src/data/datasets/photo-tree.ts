// What lies in a folder of photographs: read once, before anything is made of it. Links are
// followed, except where they lead above themselves.

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { foreignExtensions, imageExtensions } from '../image/sniff.ts';
import { unreadableFolder } from './dataset-error.ts';
import { naturalCompare } from './natural-order.ts';

/** One folder, and everything in it that is not hidden. Names are in natural order. */
export interface PhotoFolder {
  readonly name: string;
  /** Slash path below the root; empty for the root itself. */
  readonly path: string;
  readonly folders: readonly PhotoFolder[];
  /** Names of images by their extension. */
  readonly images: readonly string[];
  /** Names of photographs in formats that cannot be read. */
  readonly foreign: readonly string[];
  /** Names of all other files. */
  readonly others: readonly string[];
  /** Photographs at any depth, those that cannot be read too. */
  readonly photos: number;
}

export interface PhotoTree {
  readonly root: PhotoFolder;
  /** Folders that systems and drives keep for themselves: thumbnails, deleted files. */
  readonly system: readonly string[];
  /** Links to a folder that they lie in. */
  readonly loops: readonly string[];
  /** Links that lead nowhere. */
  readonly broken: readonly string[];
  /** Images that a link within the root led to: where they are, by where they were found. */
  readonly linked: ReadonlyMap<string, string>;
}

/**
 * Folders of systems, network drives and archives, by their names in lower case: what is in them
 * are thumbnails and copies.
 */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  '__macosx',
  '@eadir',
  '@tmp',
  '@recycle',
  '@recently-snapshot',
  '#recycle',
  '#snapshot',
  '$recycle.bin',
  'recycler',
  'system volume information',
]);

/** Files of systems that nobody wants to hear of. */
const SYSTEM_FILES: ReadonlySet<string> = new Set(['thumbs.db', 'ehthumbs.db', 'desktop.ini']);

/** Reads a folder to any depth. Throws FM_DATASET where a folder may not be read. */
export async function readPhotoTree(root: string): Promise<PhotoTree> {
  const real = await realpath(root).catch((cause) => {
    throw unreadableFolder(root, cause);
  });
  const found: Found = { root, real, system: [], loops: [], broken: [], linked: new Map() };
  const folder = await readFolder(found, { name: '', path: '', real, above: [], linked: false });
  for (const list of [found.system, found.loops, found.broken]) list.sort(naturalCompare);
  return { ...found, root: folder };
}

interface Found {
  readonly root: string;
  /** The root with all links resolved. */
  readonly real: string;
  readonly system: string[];
  readonly loops: string[];
  readonly broken: string[];
  readonly linked: Map<string, string>;
}

/** A folder that is to be read. */
interface Place {
  readonly name: string;
  readonly path: string;
  readonly real: string;
  /** The real paths of the folders that led here. */
  readonly above: readonly string[];
  /** Whether one of these, or this one, is a link. */
  readonly linked: boolean;
}

async function readFolder(found: Found, place: Place): Promise<PhotoFolder> {
  const at = join(found.root, place.path);
  const entries = await listFolder(at);
  const below: Place[] = [];
  const files: string[] = [];
  for (const entry of entries.filter(isVisible)) {
    const path = joinPath(place.path, entry.name);
    if (!entry.isSymbolicLink()) {
      const real = join(place.real, entry.name);
      if (entry.isDirectory()) below.push({ ...inside(place), name: entry.name, path, real });
      else if (entry.isFile()) files.push(entry.name);
      if (entry.isFile() && place.linked) keepTarget(found, path, real);
      continue;
    }
    const target = await followLink(join(at, entry.name));
    if (target === undefined) found.broken.push(path);
    else if (target.isFolder) {
      below.push({ ...inside(place), name: entry.name, path, real: target.real, linked: true });
    } else {
      files.push(entry.name);
      // below a link to a folder, it is that folder's before it is what its own link leads to
      keepTarget(found, path, place.linked ? join(place.real, entry.name) : target.real);
    }
  }
  const folders = await readBelow(found, below);
  return { name: place.name, path: place.path, folders, ...sorted(files, folders) };
}

async function listFolder(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    throw unreadableFolder(path, cause as NodeJS.ErrnoException);
  }
}

async function readBelow(found: Found, places: readonly Place[]): Promise<PhotoFolder[]> {
  const open = places.filter(({ name, path, real, above }) => {
    const isSystem = SYSTEM_FOLDERS.has(name.toLowerCase());
    const isLoop = above.some((folder) => isWithin(folder, real));
    if (isSystem) found.system.push(path);
    else if (isLoop) found.loops.push(path);
    return !isSystem && !isLoop;
  });
  open.sort((a, b) => naturalCompare(a.name, b.name));
  return await Promise.all(open.map((place) => readFolder(found, place)));
}

function inside({ real, above, linked }: Place) {
  return { above: [...above, real], linked };
}

function sorted(files: string[], folders: readonly PhotoFolder[]) {
  files.sort(naturalCompare);
  const isImage = (name: string) => imageExtensions.includes(extensionOf(name));
  const isForeign = (name: string) => foreignExtensions.has(extensionOf(name));
  const images = files.filter(isImage);
  const foreign = files.filter(isForeign);
  const others = files.filter((name) => !isImage(name) && !isForeign(name));
  const deeper = folders.reduce((sum, { photos }) => sum + photos, 0);
  return { images, foreign, others, photos: images.length + foreign.length + deeper };
}

/** What a link leads to; undefined where that is nothing. */
async function followLink(path: string) {
  try {
    const [entry, real] = await Promise.all([stat(path), realpath(path)]);
    return { isFolder: entry.isDirectory(), real };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return undefined;
    throw unreadableFolder(path, cause as NodeJS.ErrnoException);
  }
}

function keepTarget({ real: root, linked }: Found, path: string, real: string): void {
  if (isWithin(real, root)) linked.set(path, relative(root, real).split(sep).join('/'));
}

/** Whether a path is that of a folder, or below it. */
function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function isVisible({ name }: Dirent): boolean {
  return !name.startsWith('.') && !SYSTEM_FILES.has(name.toLowerCase());
}

/** In lower case and without the dot; empty where there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** A slash path below another. */
export function joinPath(base: string, name: string): string {
  return base === '' ? name : `${base}/${name}`;
}

/** Slash paths below the root of all images in a folder, to any depth. */
export function imagesBelow({ path, images, folders }: PhotoFolder): string[] {
  return [...images.map((name) => joinPath(path, name)), ...folders.flatMap(imagesBelow)];
}
