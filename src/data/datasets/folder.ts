// Images in class folders: `root/<class>/*.jpg`, or `root/{train,val,test}/<class>/*.jpg`. Without
// split folders everything is `train`; no test split is invented.

import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import { unifySpellings } from './class-names.ts';
import { datasetError } from './dataset-error.ts';
import { type ClassFolder, type Layout, layoutOf } from './folder-layout.ts';
import { readLists, tableNames } from './image-lists.ts';
import { imageNames } from './image-names.ts';
import {
  counted,
  firstNames,
  type LeftOut,
  leftOutFiles,
  leftOutInWords,
  leftOutNotes,
  leftOutOfTree,
} from './left-out.ts';
import { isFolder } from './lines.ts';
import {
  type DatasetLoader,
  type DatasetOptions,
  hierarchyLevel,
  supervisionOf,
} from './loader.ts';
import { naturalCompare } from './natural-order.ts';
import {
  imagesBelow,
  joinPath,
  type PhotoFolder,
  type PhotoTree,
  readPhotoTree,
} from './photo-tree.ts';

/** Any folder with folders in it. */
export const folder: DatasetLoader = {
  name: 'folder',
  looksFor: 'one folder of images for each class, or these below train, val and test',
  async detect(root) {
    const names = (await readdir(root).catch(() => [])).filter((name) => !name.startsWith('.'));
    return (await Promise.all(names.map((name) => isFolder(join(root, name))))).some(Boolean);
  },
  load,
};

/** An image found, before classes are numbered. */
interface Found {
  readonly id: string;
  readonly className: string;
  readonly split: Split;
}

async function load(root: string, options: DatasetOptions): Promise<Dataset> {
  const tree = await readPhotoTree(root);
  const layout = layoutOf(tree.root, root, options);
  const { kept: found, astray } = withoutStrays(
    layout.classes.flatMap((one) => imagesOf(one, options)),
    tree,
  );
  const { nameOf, notes } = unifySpellings(found);
  const classes = [...new Set(nameOf.values())].sort(naturalCompare);
  const beside = besideClasses(tree.root, layout);
  mustHaveImages(root, layout, found, astray);
  const order = new Map(classes.map((name, index) => [name, index]));
  const examples = found.map(({ id, className, split }): Example => {
    const label = order.get(nameOf.get(className)!)!;
    return { id, path: join(root, ...id.split('/')), label, split };
  });
  const hierarchy = options.nested === true ? parentLevel(classes) : undefined;
  return {
    name: basename(root),
    format: 'folder',
    root,
    classes,
    examples,
    supervision: supervisionOf(examples, hierarchy),
    hierarchy,
    notes: [
      ...layout.notes,
      ...notes,
      ...(await unreadTables(root, tree, classes.length)),
      ...leftOutNotes([...leftOutOf(layout, beside, classes), ...astray, ...leftOutOfTree(tree)]),
    ],
  };
}

/** Tables beside class folders, which may say more than these. */
async function unreadTables(root: string, tree: PhotoTree, classes: number): Promise<string[]> {
  if ((await tableNames(root)).length === 0) return [];
  const read = await readLists(root, imageNames(imagesBelow(tree.root))).catch(() => undefined);
  if (read === undefined) return ['the tables in the folder could not be read'];
  const reasons = classes > 1 ? [] : read.others.map(({ name, reason }) => `${name} ${reason}`);
  const [list, ...more] = read.lists.map(({ name }) => name);
  if (list === undefined) return reasons;
  const instead = more.length === 0 ? '; --format csv takes the labels from it' : '';
  return [`${[list, ...more].join(', ')}: not read, the folders are the classes${instead}`];
}

function imagesOf({ className, split, folder }: ClassFolder, { nested }: DatasetOptions): Found[] {
  const above = folder.path.length - folder.name.length;
  return imagesBelow(folder).map((id) => {
    const name = nested === true ? id.slice(above, id.lastIndexOf('/')) : className;
    return { id, className: name, split };
  });
}

/** Links that lead out of a class into another would give photographs two labels. */
function withoutStrays(found: readonly Found[], { linked }: PhotoTree) {
  const owners = new Map(found.map(({ id, className }) => [id, className]));
  const isStray = ({ id, className }: Found) => {
    const target = linked.get(id);
    const other = target && owners.get(target);
    return other !== undefined && other !== className;
  };
  const paths = found.filter(isStray).map(({ id }) => `${id} is ${linked.get(id)}`);
  const kind = [
    'photograph that a link takes from another class',
    'photographs that links take from other classes',
  ] as const;
  return { kept: found.filter((one) => !isStray(one)), astray: [{ kind, paths }] };
}

/** What lies on the way to the classes and beside them. */
interface Beside {
  readonly loose: string[];
  readonly empty: PhotoFolder[];
}

function besideClasses(root: PhotoFolder, { classes, unlabelled, strange }: Layout): Beside {
  const told = new Set([...classes.map(({ folder }) => folder), ...unlabelled, ...strange]);
  const beside: Beside = { loose: [], empty: [] };
  const look = (at: PhotoFolder) => {
    if (told.has(at)) return;
    if (at.photos === 0 && at !== root) {
      beside.empty.push(at);
      return;
    }
    for (const name of [...at.images, ...at.foreign]) beside.loose.push(joinPath(at.path, name));
    for (const inner of at.folders) look(inner);
  };
  look(root);
  return beside;
}

function leftOutOf(
  { classes, unlabelled, strange }: Layout,
  { loose, empty }: Beside,
  names: readonly string[],
): LeftOut[] {
  const bare = empty.filter(({ name }) => !names.includes(name));
  return [
    {
      kind: ['photograph beside the class folders', 'photographs beside the class folders'],
      paths: loose,
    },
    {
      kind: ['photograph without a class', 'photographs without classes'],
      paths: unlabelled.flatMap(imagesBelow),
    },
    {
      kind: [
        'folder that is neither split nor class',
        'folders that are neither splits nor classes',
      ],
      paths: strange.map(
        ({ path, photos }) => `${path} with ${counted(photos, ['photograph', 'photographs'])}`,
      ),
    },
    {
      kind: ['folder without photographs', 'folders without photographs'],
      paths: bare.map(({ path }) => path),
    },
    ...leftOutFiles(classes.map(({ folder }) => folder)),
  ];
}

/** All images at any depth below a folder, as slash paths below it, in natural order. */
export async function listPhotos(folder: string): Promise<string[]> {
  return (await findPhotos(folder)).photos;
}

/** The same, and notes on what else lies there. */
export async function findPhotos(folder: string): Promise<{ photos: string[]; notes: string[] }> {
  const tree = await readPhotoTree(folder);
  const notes = leftOutNotes([...leftOutFiles([tree.root]), ...leftOutOfTree(tree)]);
  return { photos: imagesBelow(tree.root), notes };
}

/**
 * A class folder may be empty in one split, not in all; one that could not be read is a class too.
 */
function mustHaveImages(
  root: string,
  { classes }: Layout,
  found: readonly Found[],
  astray: readonly LeftOut[],
): void {
  const filled = new Set(found.map(({ className }) => className.split('/')[0]));
  const bare = classes.filter(({ className }) => !filled.has(className));
  if (bare.length === 0) return;
  const folders = bare.map(({ folder }) => folder);
  const foreign = leftOutFiles(folders).filter(({ next }) => next !== undefined);
  const kinds = [...foreign, ...astray].filter(({ paths }) => paths.length > 0);
  const names = firstNames(
    folders.map(({ name }) => name),
    10,
  );
  const got = [`none in ${names}`, ...kinds.map(leftOutInWords)].join(', but ');
  const next = kinds[0]?.next ?? 'Add images to the class.';
  throw datasetError(root, 'images that can be read in every class folder', got, {
    next: `${next.replace(/\.$/, '')}, or remove its folder.`,
  });
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
