// Images in class folders: `root/<class>/*.jpg`, or `root/{train,val,test}/<class>/*.jpg`. Without
// split folders everything is `train`; no test split is invented.

import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import { imageExtensions } from '../image/sniff.ts';
import { datasetError, isFolder } from './lines.ts';
import {
  type DatasetLoader,
  type DatasetOptions,
  hierarchyLevel,
  supervisionOf,
} from './loader.ts';
import { naturalCompare } from './natural-order.ts';

/** Any folder with folders in it. */
export const folder: DatasetLoader = {
  name: 'folder',
  looksFor: 'one folder of images for each class, or these below train, val and test',
  async detect(root) {
    return (await subfolders(root)).length > 0;
  },
  load,
};

const splitFolders: ReadonlyMap<string, Split> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['test', 'test'],
]);

/** An image found, before classes are numbered. */
interface Found {
  readonly id: string;
  readonly className: string;
  readonly split: Split;
}

async function load(root: string, options: DatasetOptions): Promise<Dataset> {
  const found: Found[] = [];
  const empty = new Set<string>();
  for (const { base, split } of await splitsOf(root, options)) {
    const at = base === '' ? root : join(root, base);
    for (const name of await subfolders(at)) {
      const images = await listImages(at, name);
      if (images.length === 0) empty.add(name);
      for (const image of images) {
        found.push({ id: joinId(base, image), className: classOf(image, name, options), split });
      }
    }
  }
  const classes = [...new Set(found.map((image) => image.className))].sort(naturalCompare);
  mustHaveImages(root, empty, found);
  const order = new Map(classes.map((name, index) => [name, index]));
  const examples = found.map((image) => toExample(root, image, order));
  const hierarchy = parentLevel(classes);
  return {
    name: basename(root),
    format: 'folder',
    root,
    classes,
    examples,
    supervision: supervisionOf(examples, hierarchy),
    hierarchy,
  };
}

/** The folders that hold class folders. Split folders count only where all folders are splits. */
async function splitsOf(
  root: string,
  { splits = 'auto' }: DatasetOptions,
): Promise<{ base: string; split: Split }[]> {
  const names = await subfolders(root);
  const allSplits = names.length > 0 && names.every((name) => splitFolders.has(name.toLowerCase()));
  if (splits === 'none' || !allSplits) return [{ base: '', split: 'train' }];
  return names.map((name) => ({ base: name, split: splitFolders.get(name.toLowerCase())! }));
}

/** Names of the folders in a folder, links followed, hidden ones left out, in natural order. */
async function subfolders(path: string): Promise<string[]> {
  const names = (await readdir(path)).filter(isVisible);
  const folders = await Promise.all(names.map((name) => isFolder(join(path, name))));
  return names.filter((_, i) => folders[i]).sort(naturalCompare);
}

function isVisible(name: string): boolean {
  return !name.startsWith('.') && name !== '__MACOSX';
}

/** All images at any depth below a folder, as slash paths below it, in natural order. */
export async function listPhotos(folder: string): Promise<string[]> {
  return await listImages(folder, '');
}

/** Images at any depth below `base/path`, as slash paths below `base`. Link cycles are cut. */
async function listImages(
  base: string,
  path: string,
  above: readonly string[] = [],
): Promise<string[]> {
  const at = join(base, path);
  const real = await realpath(at);
  if (above.includes(real)) return [];
  const folders = await subfolders(at);
  const names = (await readdir(at)).filter((name) => isVisible(name) && isImageName(name));
  const images = names.filter((name) => !folders.includes(name)).sort(naturalCompare);
  const deeper = await Promise.all(
    folders.map((name) => listImages(base, joinId(path, name), [...above, real])),
  );
  return [...images.map((name) => joinId(path, name)), ...deeper.flat()];
}

function isImageName(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && imageExtensions.includes(name.slice(dot + 1).toLowerCase());
}

function joinId(base: string, name: string): string {
  return base === '' ? name : `${base}/${name}`;
}

function classOf(image: string, top: string, { nested = false }: DatasetOptions): string {
  return nested ? image.slice(0, image.lastIndexOf('/')) : top;
}

/** A class folder may be empty in one split, not in all. */
function mustHaveImages(root: string, empty: ReadonlySet<string>, found: readonly Found[]): void {
  const filled = new Set(found.map((image) => image.className.split('/')[0]));
  const bare = [...empty].filter((name) => !filled.has(name));
  if (bare.length === 0) return;
  const expected = `images (${imageExtensions.join(', ')}) in every class folder`;
  const next = 'Add images to the class, or remove its folder.';
  throw datasetError(root, expected, `none in ${bare.slice(0, 10).join(', ')}`, { next });
}

function toExample(
  root: string,
  { id, className, split }: Found,
  order: ReadonlyMap<string, number>,
): Example {
  return { id, path: join(root, ...id.split('/')), label: order.get(className)!, split };
}

/** Nested classes that all lie two deep (`genus/species`) have their parents as a level. */
function parentLevel(classes: readonly string[]) {
  if (classes.length === 0 || !classes.every((name) => name.split('/').length === 2)) {
    return undefined;
  }
  return [
    hierarchyLevel(
      'parent',
      classes.map((name) => name.split('/')[0]),
    ),
  ];
}
