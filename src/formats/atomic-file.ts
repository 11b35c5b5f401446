// Writing files so that a reader sees the old content or the new, never half of either.

import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';

/** Writes through a temporary name beside the target, flushes it to the disk, then renames it. */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'w');
    try {
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw diskError(path, cause);
  }
}

async function writeAll(file: FileHandle, chunk: string | Uint8Array): Promise<void> {
  const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
  let written = 0;
  while (written < bytes.length) {
    const part = await file.write(bytes, written, Math.min(bytes.length - written, 2 ** 26));
    written += part.bytesWritten;
  }
}

/** A clear error for a disk that is full or a place that cannot be written; others unchanged. */
export function diskError(path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOSPC: 'a full disk',
    EDQUOT: 'an exhausted quota',
    EROFS: 'a read-only file system',
    EACCES: 'no permission to write',
    EPERM: 'no permission to write',
    ENOTDIR: 'a file where a folder is needed',
    EEXIST: 'a file where a folder is needed',
    EFBIG: 'a file larger than the system allows',
  };
  const reason = code === undefined ? undefined : reasons[code];
  if (reason === undefined) return cause;
  return fail('FM_DISK', path, {
    expected: 'a place that can be written',
    got: reason,
    next: 'Free some space or choose another folder; what was written before is unharmed.',
    cause,
  });
}
