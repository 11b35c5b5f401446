// Paths in lists, as other systems write them: with backslashes, or with accents stored another
// way.

import { join } from 'node:path';
import { isFile } from './lines.ts';

/** The slash path below a folder that a list means; as it is where nothing better is there. */
export async function listedPath(base: string, text: string): Promise<string> {
  const path = text.replaceAll('\\', '/');
  if (/^[\x20-\x7e]*$/.test(path)) return path;
  for (const form of [path, path.normalize('NFC'), path.normalize('NFD')]) {
    if (await isFile(join(base, form))) return form;
  }
  return path;
}
