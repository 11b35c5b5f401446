// What a dataset's folder holds beside its examples, told in one sentence: kinds, numbers, first
// names.

import { foreignExtensions } from '../image/sniff.ts';
import { extensionOf, joinPath, type PhotoFolder, type PhotoTree } from './photo-tree.ts';

/** Things of one kind that are left out. */
export interface LeftOut {
  /** One and several of them, in words. */
  readonly kind: readonly [one: string, several: string];
  /** Slash paths below the root. */
  readonly paths: readonly string[];
  /** What to do about it, as a sentence. */
  readonly next?: string;
}

/** `a.jpg, b.jpg, c.jpg and 4 more` */
export function firstNames(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return names.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** `3 photographs`, with the word that fits the number. */
export function counted(count: number, [one, several]: readonly [string, string]): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** `3 photographs (a.jpg, b.jpg, c.jpg)` */
export function leftOutInWords({ kind, paths }: LeftOut): string {
  return `${counted(paths.length, kind)} (${firstNames(paths)})`;
}

/** One note; none where nothing is left out. */
export function leftOutNotes(kinds: readonly LeftOut[]): string[] {
  const parts = kinds.flatMap((one) => {
    if (one.paths.length === 0) return [];
    return [`${leftOutInWords(one)}${one.next === undefined ? '' : `: ${within(one.next)}`}`];
  });
  return parts.length === 0 ? [] : [`left out: ${parts.join('; ')}`];
}

/** A sentence as a part of another. */
function within(sentence: string): string {
  return sentence[0].toLowerCase() + sentence.slice(1).replace(/\.$/, '');
}

/** What is never read, wherever it lies: folders of systems, and links that go in circles. */
export function leftOutOfTree({ system, loops, broken }: PhotoTree): LeftOut[] {
  return [
    {
      kind: ['folder that a system or a drive keeps', 'folders that systems or drives keep'],
      paths: system,
    },
    {
      kind: ['link to a folder that it lies in', 'links to folders that they lie in'],
      paths: loops,
    },
    { kind: ['link that leads nowhere', 'links that lead nowhere'], paths: broken },
  ];
}

/** Files in these folders, at any depth, that are no images, by what they are. */
export function leftOutFiles(folders: readonly PhotoFolder[]): LeftOut[] {
  const foreign = folders.flatMap((folder) => filesBelow(folder, (one) => one.foreign));
  const others = folders.flatMap((folder) => filesBelow(folder, (one) => one.others));
  const extensions = [...new Set(foreign.map(extensionOf))];
  return [
    ...extensions.map((extension): LeftOut => {
      const paths = foreign.filter((path) => extensionOf(path) === extension);
      const kind = [`.${extension} file`, `.${extension} files`] as const;
      return { kind, paths, next: foreignExtensions.get(extension) };
    }),
    { kind: ['file of another kind', 'files of other kinds'], paths: others },
  ];
}

function filesBelow(
  folder: PhotoFolder,
  pick: (folder: PhotoFolder) => readonly string[],
): string[] {
  const own = pick(folder).map((name) => joinPath(folder.path, name));
  return [...own, ...folder.folders.flatMap((inner) => filesBelow(inner, pick))];
}
