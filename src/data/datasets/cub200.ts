// The CUB-200-2011 layout (Wah et al., Caltech CNS-TR-2011-001): the original, subsets of it, and
// what the built-in aviary writes, which adds hierarchy.txt and segmentations.

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Box, Dataset, Example, PartPoint } from '../../core/example.ts';
import { readAttributes } from './cub200-attributes.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { isFile, isFolder, parseNumber, readLines, splitKey } from './lines.ts';
import { listedPath } from './listed-path.ts';
import { type DatasetLoader, hierarchyLevel, supervisionOf } from './loader.ts';

/** images.txt, image_class_labels.txt, classes.txt and more in the dataset's root. */
export const cub200: DatasetLoader = {
  name: 'cub200',
  looksFor: 'images.txt and image_class_labels.txt, as CUB-200-2011 has them',
  async detect(root) {
    const names = ['images.txt', 'image_class_labels.txt'];
    return (await Promise.all(names.map((name) => isFile(join(root, name))))).every(Boolean);
  },
  load,
};

const LICENCE = 'CUB-200-2011: images for non-commercial research use only, owned by their authors';

async function load(root: string): Promise<Dataset> {
  const images = await readImages(root);
  const classRows = await readTable(join(root, 'classes.txt'));
  const imageIds = new Set(images.keys());
  const classOf = await readIndex(root, 'image_class_labels.txt', imageIds, classRows);
  const splitOf = await readTable(join(root, 'train_test_split.txt'), imageIds, true);
  const boxes = await readBoxes(root, imageIds);
  const { partNames, partsOf } = await readParts(root, imageIds);
  const masks = await readMasks(root);
  const examples = [...images].map(([id, { value }]): Example => {
    const mask = value.replace(/\.\w+$/, '.png');
    return {
      id: `images/${value}`,
      path: join(root, 'images', value),
      label: classOf.get(id)!,
      split: parseSplit(splitOf.get(id)!),
      box: boxes?.get(id),
      parts: partsOf?.get(id),
      maskPath: masks.has(mask) ? join(root, 'segmentations', mask) : undefined,
      originalIndex: id,
    };
  });
  const hierarchy = await readHierarchy(root, classRows);
  const folders = [...classRows.values()].map((row) => row.value);
  assertKnownCounts(root, folders, examples);
  return {
    name: basename(root),
    format: 'cub200',
    root,
    classes: folders.map(displayName),
    examples,
    supervision: supervisionOf(examples, hierarchy),
    hierarchy,
    attributes: await readAttributes(root, folders.length),
    partNames,
    partSwaps: partNames && leftRightPairs(partNames),
    licence: await readLicence(root),
  };
}

/** A row of an annotation file: what follows the id. */
interface Row {
  readonly value: string;
  readonly where: string;
}

/**
 * `<id> <value>` lines by id. With `ids`, no other id may occur; with `complete`, each must.
 */
async function readTable(
  path: string,
  ids?: ReadonlySet<string>,
  complete = false,
): Promise<Map<string, Row>> {
  const table = new Map<string, Row>();
  for (const line of await readLines(path)) {
    const [id, value] = splitKey(line);
    if (table.has(id)) throw datasetError(line.where, 'every id once', `${quoted(id)} again`);
    mustBeKnown(id, line.where, ids);
    table.set(id, { value, where: line.where });
  }
  const missing = complete && ids && [...ids].find((id) => !table.has(id));
  if (missing) throw datasetError(path, `a line for image ${missing} of images.txt`, 'none');
  return table;
}

/** The paths of images.txt, as they are on this disk. */
async function readImages(root: string): Promise<Map<string, Row>> {
  const images = await readTable(join(root, 'images.txt'));
  for (const [id, { value, where }] of images) {
    images.set(id, { value: await listedPath(join(root, 'images'), value), where });
  }
  return images;
}

function mustBeKnown(id: string, where: string, ids?: ReadonlySet<string>): void {
  if (ids && !ids.has(id)) throw datasetError(where, 'an id of images.txt', quoted(id));
}

/** The class index of every image. */
async function readIndex(
  root: string,
  name: string,
  imageIds: ReadonlySet<string>,
  classRows: ReadonlyMap<string, Row>,
): Promise<Map<string, number>> {
  const order = new Map([...classRows.keys()].map((id, index) => [id, index]));
  const labels = await readTable(join(root, name), imageIds, true);
  const entries = [...labels].map(([id, { value, where }]): [string, number] => {
    const index = order.get(value);
    if (index !== undefined) return [id, index];
    throw datasetError(where, 'a class of classes.txt', quoted(value));
  });
  return new Map(entries);
}

function parseSplit({ value, where }: Row): 'train' | 'test' {
  if (value === '1') return 'train';
  if (value === '0') return 'test';
  throw datasetError(where, '1 (train) or 0 (test)', quoted(value));
}

async function readBoxes(
  root: string,
  imageIds: ReadonlySet<string>,
): Promise<Map<string, Box> | undefined> {
  const path = join(root, 'bounding_boxes.txt');
  if (!(await isFile(path))) return undefined;
  const rows = await readTable(path, imageIds);
  return new Map(
    [...rows].map(([id, { value, where }]) => {
      const [x, y, width, height, ...rest] = value
        .split(/\s+/)
        .map((text) => parseNumber(text, { text, where }));
      if (rest.length === 0 && width > 0 && height > 0) return [id, [x, y, width, height]];
      throw datasetError(where, 'x y width height, the sizes above zero', quoted(value));
    }),
  );
}

async function readParts(root: string, imageIds: ReadonlySet<string>) {
  const path = join(root, 'parts/parts.txt');
  if (!(await isFile(path))) return {};
  const names = await readTable(path);
  const order = new Map([...names.keys()].map((id, index) => [id, index]));
  const partsOf = new Map<string, PartPoint[]>();
  const hidden: PartPoint = { x: 0, y: 0, visible: false };
  for (const line of await readLines(join(root, 'parts/part_locs.txt'))) {
    const [id, part, x, y, visible] = line.text.split(/\s+/);
    mustBeKnown(id, line.where, imageIds);
    const index = order.get(part);
    if (index === undefined) throw datasetError(line.where, 'a part of parts.txt', quoted(part));
    if (visible === undefined) throw datasetError(line.where, 'five values', quoted(line.text));
    if (!partsOf.has(id)) partsOf.set(id, new Array(order.size).fill(hidden));
    if (visible === '0') continue;
    const point = { x: parseNumber(x, line), y: parseNumber(y, line), visible: true };
    partsOf.get(id)![index] = point;
  }
  return { partNames: [...names.values()].map((row) => row.value), partsOf };
}

/** Index pairs of names that differ in `left` and `right` only. */
function leftRightPairs(names: readonly string[]): [number, number][] {
  return names.flatMap((name, left): [number, number][] => {
    const right = /\bleft\b/.test(name) ? names.indexOf(name.replace(/\bleft\b/, 'right')) : -1;
    return right < 0 ? [] : [[left, right]];
  });
}

/** Paths below `segmentations`, with slashes. */
async function readMasks(root: string): Promise<Set<string>> {
  const base = join(root, 'segmentations');
  if (!(await isFolder(base))) return new Set();
  const folders = await readdir(base);
  const lists = await Promise.all(
    folders.map(async (folder) => {
      const path = join(base, folder);
      return (await isFolder(path)) ? (await readdir(path)).map((name) => `${folder}/${name}`) : [];
    }),
  );
  return new Set(lists.flat());
}

/** `<class id> <genus name>` lines. */
async function readHierarchy(root: string, classRows: ReadonlyMap<string, Row>) {
  const path = join(root, 'hierarchy.txt');
  if (!(await isFile(path))) return undefined;
  const genera = await readTable(path);
  const unknown = [...genera].find(([id]) => !classRows.has(id));
  if (unknown) throw datasetError(unknown[1].where, 'a class of classes.txt', quoted(unknown[0]));
  const missing = [...classRows.keys()].find((id) => !genera.has(id));
  if (missing) throw datasetError(path, `a line for class ${missing} of classes.txt`, 'none');
  const names = [...classRows.keys()].map((id) => genera.get(id)!.value);
  return [hierarchyLevel('genus', names)];
}

/** `001.Black_footed_Albatross` as `Black footed Albatross`. */
function displayName(folder: string): string {
  return folder.replace(/^\d+\./, '').replaceAll('_', ' ');
}

function assertKnownCounts(root: string, folders: readonly string[], examples: readonly Example[]) {
  if (folders.length !== 200 || folders[0] !== '001.Black_footed_Albatross') return;
  const train = examples.filter((example) => example.split === 'train').length;
  if (examples.length === 11_788 && train === 5_994) return;
  const expected = '11788 images, 5994 of them for training, with all 200 classes';
  throw datasetError(root, expected, `${examples.length} images, ${train} for training`);
}

/** The first line of licence.txt, or CUB's terms where the README or the folder's name says CUB. */
async function readLicence(root: string): Promise<string | undefined> {
  const own = join(root, 'licence.txt');
  if (await isFile(own)) return (await readLines(own))[0]?.text;
  const readme = await readFile(join(root, 'README'), 'utf8').catch(() => '');
  const isCub = readme.includes('Caltech-UCSD Birds') || basename(root).startsWith('CUB_200');
  return isCub ? LICENCE : undefined;
}
