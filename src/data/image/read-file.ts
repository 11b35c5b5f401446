// The bytes of an image file, or why they cannot be had.

import { readFile } from 'node:fs/promises';
import { type FaultKind, ImageError } from './fault.ts';

/** The bytes of an image file; FM_IMAGE when it cannot be read. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const known: Record<string, readonly [FaultKind, string]> = {
      ENOENT: ['missing', 'no such file'],
      ENOTDIR: ['missing', 'no such file'],
      EACCES: ['no-permission', 'a file that you may not read'],
      EPERM: ['no-permission', 'a file that you may not read'],
      EISDIR: ['unreadable', 'a folder'],
    };
    const [kind, got] = known[code] ?? ['unreadable', `a file that cannot be read (${code})`];
    throw new ImageError(path, { kind, got }, cause);
  }
}
