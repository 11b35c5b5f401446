// Which folders of a tree are classes, and in which split: what is certain is taken, what could be
// meant in two ways is an error that asks.

import type { Split } from '../../core/example.ts';
import { datasetError } from './dataset-error.ts';
import { firstNames } from './left-out.ts';
import type { DatasetOptions } from './loader.ts';
import { imagesBelow, type PhotoFolder } from './photo-tree.ts';
import {
  isGenericName,
  isMaskName,
  isUnlabelledName,
  type SplitName,
  splitOf,
} from './split-names.ts';

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

/** A folder that may be a split. */
interface Part {
  readonly folder: PhotoFolder;
  /** Where its class folders are: archives pack folders into folders. */
  readonly inner: PhotoFolder;
  /** Names of the class folders; empty where its photographs have no classes. */
  readonly classes: readonly string[];
  readonly name: SplitName | undefined;
}

/** A part that is one. */
type NamedPart = Part & { readonly name: SplitName };

/** Reads the layout. `where` is the root's path, for messages. Throws FM_DATASET where it asks. */
export function layoutOf(root: PhotoFolder, where: string, options: DatasetOptions): Layout {
  if (options.splits === 'none') return classFolders(root, root);
  const at = options.oneClass === true ? root : withoutWrappers(root, options);
  const folders = filled(at);
  // whoever knows the classes already need not guess
  if (areKnown(folders, options)) return splitsWithin(folders) ?? classFolders(root, at);
  const parts = folders.map(toPart);
  const named = certainSplits(parts, where, options);
  if (named !== undefined) return splitFolders({ root, at, parts, named, where, options });
  mustNotBeSplits(parts, where, options);
  return splitsWithin(folders) ?? classFolders(root, at);
}

/** Folders with photographs somewhere. */
function filled({ folders }: PhotoFolder): PhotoFolder[] {
  return folders.filter(({ photos }) => photos > 0);
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

function hasOwnPhotos({ images, foreign }: PhotoFolder): boolean {
  return images.length + foreign.length > 0;
}

function toPart(folder: PhotoFolder): Part {
  let inner = folder;
  for (;;) {
    const [only, ...more] = filled(inner);
    const passes = only !== undefined && more.length === 0 && !hasOwnPhotos(inner);
    if (!passes || hasOwnPhotos(only)) break;
    inner = only;
  }
  const names = filled(inner).map(({ name }) => name);
  const [name] = names;
  // `seg_pred/seg_pred/*.jpg`, `test/test1/*.jpg` and `val/images/*.jpg` have no classes
  const packed = name === folder.name || splitOf(name ?? '')?.exact || isGenericName(name ?? '');
  const single = names.length === 1 && (packed || hasOwnPhotos(inner));
  const classes = single ? [] : names;
  return { folder, inner, classes, name: splitOf(folder.name) };
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
  if (allExact || sharesClasses(named) || (parts.length === 1 && options.oneClass !== true))
    return named;
  if (rest.every(isUnlabelled) && new Set(parts.map(({ name }) => name?.split)).size > 1)
    return named;
  const exact = named.filter(({ name, classes }) => name.exact && classes.length > 1);
  if (exact.length === 0) return undefined;
  if (rest.every(isUnlabelled) && exact.length === named.length) return named;
  const others = parts.filter(({ folder }) => !exact.some((one) => one.folder === folder));
  throw datasetError(where, 'folders of splits, or folders of classes', inWords(exact, others), {
    next:
      `If ${namesOf(exact)} ${exact.length === 1 ? 'is a split' : 'are splits'}, take ` +
      `${namesOf(others)} out of the folder, or name them as splits too; ${aside(options)}.`,
  });
}

/** What to do where all the folders are classes. */
function aside({ known }: DatasetOptions): string {
  return known === undefined
    ? 'if the folders are the classes, say splits=none (--splits none)'
    : 'if the folders are classes, name them like those of the model';
}

function inWords(exact: readonly Part[], others: readonly Part[]): string {
  const [{ folder, classes }] = exact;
  return `${folder.name} with folders in it (${firstNames(classes)}), beside ${namesOf(others)}`;
}

function namesOf(parts: readonly Part[]): string {
  return firstNames(parts.map(({ folder }) => folder.name));
}

/** Photographs beside splits of which nobody knows what they show. */
function isUnlabelled({ folder, classes, name }: Part): boolean {
  return classes.length === 0 && (name !== undefined || isUnlabelledName(folder.name));
}

/** Training and other splits, each of which has a class of the training split. */
function sharesClasses(named: readonly NamedPart[]): boolean {
  const train = classesOf(named.filter(({ name }) => name.split === 'train'));
  const others = named.filter(({ name }) => name.split !== 'train');
  return others.length > 0 && others.every((part) => shareOf(part, train) > 0);
}

function classesOf(parts: readonly Part[]): Set<string> {
  return new Set(parts.flatMap(({ classes }) => classes.map(plain)));
}

/** Names that look alike are taken for the same. */
function plain(name: string): string {
  return name.normalize().toLowerCase();
}

/** How much of a part's classes others know, in [0, 1]. */
function shareOf({ classes }: Part, known: ReadonlySet<string>): number {
  return classes.filter((name) => known.has(plain(name))).length / Math.max(1, classes.length);
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
    if (part.classes.length === 0 && part.name?.split === 'train')
      throw loosePhotos([part], where, options);
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

function mustHaveOneEach(named: readonly NamedPart[], where: string): void {
  for (const split of ['train', 'val', 'test'] as const) {
    const same = named.filter(({ name }) => name.split === split);
    if (same.length < 2) continue;
    throw datasetError(where, `one folder for the split '${split}'`, namesOf(same), {
      next: 'Keep one of them, and take the others out of the folder or put them into it.',
    });
  }
}

function unknownSplit({ folder, classes }: Part, named: readonly NamedPart[], where: string) {
  const got = `${folder.name}, with the same folders in it (${firstNames(classes)})`;
  return datasetError(where, `train, val or test beside ${namesOf(named)}`, got, {
    next: `Name ${folder.name} after the split that it is, or take it out of the folder.`,
  });
}

/** Folders that would pass as classes and hardly are. */
function mustNotBeSplits(parts: readonly Part[], where: string, options: DatasetOptions): void {
  if (parts.length === 0) return;
  if (areLoose(parts)) throw loosePhotos(parts, where, options);
  const all = classesOf(parts);
  const alike = parts.every((part) => {
    return shareOf(part, classesOf(parts.filter((other) => other !== part))) >= 0.5;
  });
  const areSplits = [...all].every((name) => splitOf(name)?.exact);
  if (!alike || all.size < 2 || areSplits || parts.some(({ inner }) => hasOwnPhotos(inner))) return;
  const [{ folder, classes }] = parts;
  const got = `${namesOf(parts)}, with the same folders in them (${firstNames(classes)})`;
  throw datasetError(where, 'a folder for each class, or splits with their names', got, {
    next:
      `If these are splits, name them train, val or test; if only one of them is meant, give that ` +
      `(${folder.path}); ${aside(options)}.`,
  });
}

/** `train/*.jpg` and `test/*.jpg`; kinds of trains are classes. */
function areLoose(parts: readonly Part[]): boolean {
  const splits = new Set(parts.flatMap(({ name }) => name?.split ?? []));
  const allExact = parts.every(({ folder, name }) => name?.exact || isUnlabelledName(folder.name));
  return parts.every(isUnlabelled) && splits.size > 0 && (allExact || splits.size > 1);
}

function loosePhotos(parts: readonly Part[], where: string, options: DatasetOptions) {
  const [first] = imagesBelow(parts[0].folder);
  return datasetError(
    where,
    `a folder for each class in ${namesOf(parts)}`,
    `photographs without classes (${first ?? parts[0].folder.path})`,
    {
      next:
        'Sort them into a folder for each class, such as train/robin, or list them in labels.csv ' +
        `with the columns filename and label; ${aside(options)}.`,
    },
  );
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
