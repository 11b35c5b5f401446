// Which photographs a command is given: files, whole folders, and lists of files.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fail } from '../core/errors.ts';
import { encodingOf } from '../data/datasets/annotation-text.ts';
import { note } from './output.ts';

/**
 * The photographs that a command is given, in the order in which they were named: files as they are, what
 * folders hold at any depth, and what `list` names, a path a line (`-`: standard input). Throws FM_USAGE
 * where there are none.
 */
export async function photosOf(
  command: string,
  named: readonly string[],
  list?: string,
): Promise<string[]> {
  const { findPhotos } = await import('../data/datasets/folder.ts');
  const all = [...named, ...(list === undefined ? [] : await readList(list))];
  const found: string[] = [];
  for (const path of all) {
    const isFolder = await stat(path).then(
      (entry) => entry.isDirectory(),
      () => false, // what is not there is told with its name when it is opened
    );
    if (!isFolder) {
      found.push(path);
      continue;
    }
    const { photos: inside, notes } = await findPhotos(path);
    for (const line of notes) note(line);
    if (inside.length === 0 && all.length === 1) throw noPhotos(path, 'a folder without any');
    if (inside.length === 0) note(`no photographs in ${path}`);
    for (const photo of inside) found.push(join(path, ...photo.split('/')));
  }
  if (found.length > 0) return found;
  throw noPhotos(command, list === undefined ? 'none' : `an empty list (${list})`);
}

/** A path a line, as programs leave them: zeros as line ends (`find -print0`), UTF-16, quotes. */
async function readList(path: string): Promise<string[]> {
  const bytes = await (path === '-' ? buffer(process.stdin) : readFile(path)).catch((cause) => {
    const reasons: Record<string, string> = { ENOENT: 'no file', EISDIR: 'a folder' };
    throw badList(`${reasons[cause.code] ?? cause.message} (${path})`, cause);
  });
  return decodeList(bytes, path)
    .split(/\r?\n|\0/)
    .filter((line) => line.trim() !== '')
    .map((line) => /^"(.+)"$/.exec(line)?.[1] ?? line);
}

function decodeList(bytes: Uint8Array, path: string): string {
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badList(`bytes that are no text in ${encoding.toUpperCase()} (${path})`, cause);
  }
}

function badList(got: string, cause: unknown) {
  return fail('FM_USAGE', '--list', {
    expected: 'a text file that names photographs, one a line',
    got,
    next: "Photographs and folders are named without --list; '-' reads standard input.",
    cause,
  });
}

function noPhotos(where: string, got: string) {
  return fail('FM_USAGE', where, {
    expected: 'photographs',
    got,
    next: 'Name image files, or a folder that holds some.',
  });
}
