// Folders that may be splits: what holds their class folders, and what their names say.

import { firstNames } from './left-out.ts';
import type { PhotoFolder } from './photo-tree.ts';
import { isGenericName, isUnlabelledName, type SplitName, splitOf } from './split-names.ts';

/** A folder that may be a split. */
export interface Part {
  readonly folder: PhotoFolder;
  /** Where its class folders are: archives pack folders into folders. */
  readonly inner: PhotoFolder;
  /** Names of the class folders; empty where its photographs have no classes. */
  readonly classes: readonly string[];
  readonly name: SplitName | undefined;
}

/** A part that is one. */
export type NamedPart = Part & { readonly name: SplitName };

/** Folders with photographs somewhere. */
export function filled({ folders }: PhotoFolder): PhotoFolder[] {
  return folders.filter(({ photos }) => photos > 0);
}

/** Whether photographs lie right in a folder. */
export function hasOwnPhotos({ images, foreign }: PhotoFolder): boolean {
  return images.length + foreign.length > 0;
}

/** What a folder would be as a split. */
export function toPart(folder: PhotoFolder): Part {
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

/** Names of parts, for messages. */
export function namesOf(parts: readonly Part[]): string {
  return firstNames(parts.map(({ folder }) => folder.name));
}

/** Photographs beside splits of which nobody knows what they show. */
export function isUnlabelled({ folder, classes, name }: Part): boolean {
  return classes.length === 0 && (name !== undefined || isUnlabelledName(folder.name));
}

/** Names of the class folders in parts, as they are compared. */
export function classesOf(parts: readonly Part[]): Set<string> {
  return new Set(parts.flatMap(({ classes }) => classes.map(plain)));
}

/** Names that look alike are taken for the same. */
function plain(name: string): string {
  return name.normalize().toLowerCase();
}

/** How much of a part's classes others know, in [0, 1]. */
export function shareOf({ classes }: Part, known: ReadonlySet<string>): number {
  return classes.filter((name) => known.has(plain(name))).length / Math.max(1, classes.length);
}
