// Which folders of a tree are classes, and in which split: what is certain is taken, what could be
// meant in two ways is an error that asks.

import type { Split } from '../../core/example.ts';
import {
  classesOf,
  filled,
  hasOwnPhotos,
  isUnlabelled,
  type NamedPart,
  type Part,
  shareOf,
  toPart,
} from './folder-parts.ts';
import {
  loosePhotos,
  mustHaveOneEach,
  mustNotBeOccasions,
  mustNotBeSplits,
  splitOrClass,
  unknownSplit,
} from './layout-questions.ts';
import { firstNames } from './left-out.ts';
import type { DatasetOptions } from './loader.ts';
import type { PhotoFolder } from './photo-tree.ts';
import { isGenericName, isMaskName, splitOf } from './split-names.ts';

/** A folder whose photographs are all of one class. */
export interface ClassFolder {
  readonly className: string;
  readonly split: Split;
  readonly folder: PhotoFolder;
}

export interface Layout {
  readonly classes: readonly ClassFolder[];
  /** Folders beside splits or classes that have nothing to do with them. */
  readonly strange: readonly PhotoFolder[];
  /** Folders of photographs without classes. */
  readonly unlabelled: readonly PhotoFolder[];
  /** What was understood, where it was not plain. */
  readonly notes: readonly string[];
}

/** Reads the layout. `where` is the root's path, for messages. Throws FM_DATASET where it asks. */
export function layoutOf(root: PhotoFolder, where: string, options: DatasetOptions): Layout {
  if (options.splits === 'none') return classFolders(root, root);
  const layout = guessedLayout(root, where, options);
  const names = new Set(layout.classes.map(({ className }) => className));
  if (options.nested !== true) mustNotBeOccasions([...names], where, options);
  return layout;
}

function guessedLayout(root: PhotoFolder, where: string, options: DatasetOptions): Layout {
  const at = options.oneClass === true ? root : withoutWrappers(root, options);
  const folders = filled(at);
  // whoever knows the classes already need not guess
  if (areKnown(folders, options)) return splitsWithin(folders) ?? classFolders(root, at);
  const parts = folders.map(toPart);
  const named = certainSplits(parts, where, options);
  if (named !== undefined) return splitFolders({ root, at, parts, named, where, options });
  if (options.nested === true) return classFolders(root, at);
  mustNotBeSplits(parts, where, options);
  return splitsWithin(folders) ?? classFolders(root, at);
}

function areKnown(folders: readonly PhotoFolder[], { known }: DatasetOptions): boolean {
  return folders.length > 0 && folders.every(({ name }) => known?.has(name.normalize()) === true);
}

/** Archives and habits put a dataset into a folder, or several: the one that has more than one. */
function withoutWrappers(root: PhotoFolder, options: DatasetOptions): PhotoFolder {
  let at = root;
  for (;;) {
    const inside = withoutMasks(filled(at));
    if (inside.length > 1) return at;
    const [only] = inside;
    if (only === undefined) return root;
    if (areKnown(inside, options) && !areKnown(filled(only), options)) return at;
    if (toPart(only).classes.length > 0 && splitOf(only.name) !== undefined) return at;
    if (hasOwnPhotos(only)) return root;
    at = only;
  }
}

/** `masks` beside `images` are no photographs. */
function withoutMasks(folders: readonly PhotoFolder[]): readonly PhotoFolder[] {
  const rest = folders.filter(({ name }) => !isMaskName(name));
  return rest.length === 1 && isGenericName(rest[0].name) ? rest : folders;
}

/** The parts that are splits beyond doubt; undefined where none is. */
function certainSplits(
  parts: readonly Part[],
  where: string,
  options: DatasetOptions,
): NamedPart[] | undefined {
  const named = parts.filter((part): part is NamedPart => {
    return part.name !== undefined && part.classes.length > 0;
  });
  if (named.length === 0) return undefined;
  const rest = parts.filter((part) => !named.some(({ folder }) => folder === part.folder));
  const allExact = parts.every(({ name }) => name?.exact);
  const alone = parts.length === 1 && options.oneClass !== true;
  if (allExact || alone || sharesClasses(named)) return named;
  const severalSplits = new Set(parts.map(({ name }) => name?.split)).size > 1;
  if (rest.every(isUnlabelled) && severalSplits) return named;
  const exact = named.filter(({ name, classes }) => name.exact && classes.length > 1);
  if (exact.length === 0) return undefined;
  if (rest.every(isUnlabelled) && exact.length === named.length) return named;
  throw splitOrClass(exact, parts, where, options);
}

/** Training and other splits, each of which has a class of the training split. */
function sharesClasses(named: readonly NamedPart[]): boolean {
  const train = classesOf(named.filter(({ name }) => name.split === 'train'));
  const others = named.filter(({ name }) => name.split !== 'train');
  return others.length > 0 && others.every((part) => shareOf(part, train) > 0);
}

/** What is found beside splits is left out, unless it could be one. */
function splitFolders({
  root,
  at,
  parts,
  named,
  where,
  options,
}: {
  root: PhotoFolder;
  at: PhotoFolder;
  parts: readonly Part[];
  named: readonly NamedPart[];
  where: string;
  options: DatasetOptions;
}): Layout {
  const rest = parts.filter(({ folder }) => !named.some((one) => one.folder === folder));
  const known = classesOf(named);
  mustHaveOneEach(named, where);
  for (const part of rest) {
    if (shareOf(part, known) >= 0.5) throw unknownSplit(part, named, where);
    const isTrain = part.classes.length === 0 && part.name?.split === 'train';
    if (isTrain) throw loosePhotos([part], where, options);
  }
  const classes = named.flatMap(({ inner, name: { split } }) =>
    classesIn(inner).map((folder): ClassFolder => ({ className: folder.name, split, folder })),
  );
  const plainly = at === root && named.every(isPlain);
  const inSplits = (['train', 'val', 'test'] as const).flatMap((split) =>
    named.flatMap(({ inner, name }) => (name.split === split ? [`${split} (${inner.path})`] : [])),
  );
  const notes = plainly ? [] : [`splits: ${inSplits.join(', ')}`];
  const unlabelled = rest.filter(({ classes: own }) => own.length === 0);
  const strange = rest.filter(({ classes: own }) => own.length > 0);
  return {
    classes,
    unlabelled: unlabelled.map(({ folder }) => folder),
    strange: strange.map(({ folder }) => folder),
    notes,
  };
}

/** Nothing was guessed: the folder of a split by its plain name, with the classes right in it. */
function isPlain({ folder, inner }: Part): boolean {
  const names = ['train', 'training', 'val', 'valid', 'validation', 'test'];
  return inner === folder && names.includes(folder.name.toLowerCase());
}

/** Splits within the classes: `robin/train`, `robin/test`. Undefined where that is not so. */
function splitsWithin(folders: readonly PhotoFolder[]): Layout | undefined {
  const classes = folders.flatMap((folder) =>
    filled(folder).map((part) => ({
      folder: part,
      className: folder.name,
      name: splitOf(part.name),
    })),
  );
  const certain =
    folders.length > 1 &&
    folders.every((folder) => !hasOwnPhotos(folder) && filled(folder).length > 1) &&
    classes.every(({ name }) => name?.exact) &&
    classes.some(({ name }) => name?.split === 'train');
  if (!certain) return undefined;
  return {
    classes: classes.map(({ name, ...rest }) => ({ ...rest, split: name!.split })),
    strange: [],
    unlabelled: [],
    notes: [`splits: the folders in each class, such as ${classes[0].folder.path}`],
  };
}

/**
 * Class folders, and those that are empty: somebody may have meant to fill them. What holds other
 * files alone is no class, nor is what file systems make.
 */
function classesIn({ folders }: PhotoFolder): PhotoFolder[] {
  return folders.filter((one) => one.photos > 0 || (isEmpty(one) && one.name !== 'lost+found'));
}

function isEmpty({ images, foreign, others, folders }: PhotoFolder): boolean {
  return images.length + foreign.length + others.length === 0 && folders.every(isEmpty);
}

/** Without splits everything trains. */
function classFolders(root: PhotoFolder, at: PhotoFolder): Layout {
  const folders = filled(at);
  const deep = folders.filter((folder) => filled(folder).length > 0);
  const notes = [
    ...(at === root ? [] : [`classes: the folders in ${at.path}`]),
    ...(deep.length === 0 ? [] : [deepNote(deep)]),
  ];
  const classes = classesIn(at).map((folder) => ({
    className: folder.name,
    split: 'train' as const,
    folder,
  }));
  return { classes, strange: [], unlabelled: [], notes };
}

function deepNote(deep: readonly PhotoFolder[]): string {
  const inside = filled(deep[0]).map(({ name }) => name);
  return (
    `folders in ${firstNames(deep.map(({ name }) => name))} belong to these classes ` +
    `(${deep[0].name}: ${firstNames(inside)})`
  );
}
