// Which photographs a command is given: files, whole folders, and lists of files.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fail } from '../core/errors.ts';
import { note } from './output.ts';

/**
 * Photographs in the order in which they were named: files as they are, what folders hold at any depth,
 * and what `list` names, a path a line (`-`: standard input). Throws FM_USAGE where there are none.
 */
export async function photosOf(
  named: readonly string[],
  list: string | undefined,
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
    if (inside.length === 0) throw noPhotos(path, 'a folder without any');
    for (const photo of inside) found.push(join(path, ...photo.split('/')));
  }
  if (found.length > 0) return found;
  throw noPhotos('predict', list === undefined ? 'none' : `an empty list (${list})`);
}

async function readList(path: string): Promise<string[]> {
  const content = await (path === '-' ? text(process.stdin) : readFile(path, 'utf8')).catch(
    (cause) => {
      throw fail('FM_USAGE', '--list', {
        expected: 'a file that names photographs, one a line',
        got: cause.code === 'ENOENT' ? `no file ${path}` : (cause as Error).message,
        next: "Check the path; '-' reads standard input.",
        cause,
      });
    },
  );
  return content.split(/\r?\n|\0/).filter((line) => line.trim() !== '');
}

function noPhotos(where: string, got: string) {
  return fail('FM_USAGE', where, {
    expected: 'photographs',
    got,
    next: 'Name image files, a folder that holds some, or a list of them with --list.',
  });
}
