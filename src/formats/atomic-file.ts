// Writing files so that a reader sees the old content or the new, never half of either.

import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';

/** A file that is written piece by piece, and takes its name when it is whole. */
export interface AtomicFile {
  write(chunk: string | Uint8Array): Promise<void>;
  /** Flushes it to the disk and gives it its name. */
  commit(): Promise<void>;
  /** Removes what was written; what bore the name before is unharmed. */
  discard(): Promise<void>;
}

/** Opens a temporary name beside the target. Throws FM_DISK where the target cannot be written. */
export async function openAtomic(path: string): Promise<AtomicFile> {
  const temporary = `${path}.${process.pid}.tmp`;
  let file: FileHandle | undefined;
  const discard = async () => {
    await file?.close().catch(() => {}); // the first failure is the one to tell
    await rm(temporary, { force: true }).catch(() => {});
  };
  const orDiscard = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (cause) {
      await discard();
      throw diskError(path, cause);
    }
  };
  await orDiscard(async () => {
    await mkdir(dirname(path), { recursive: true });
    await mustBeNoFolder(path);
    file = await open(temporary, 'w');
  });
  return {
    write: (chunk) => orDiscard(() => writeAll(file!, chunk)),
    commit: () =>
      orDiscard(async () => {
        await file!.sync();
        await file!.close();
        await rename(temporary, path);
      }),
    discard,
  };
}

/** Writes through a temporary name beside the target, flushes it to the disk, then renames it. */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  const file = await openAtomic(path);
  for (const chunk of chunks) await file.write(chunk);
  await file.commit();
}

/** The last step would find it out, after all the work. */
async function mustBeNoFolder(path: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
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
    EISDIR: 'a folder of that name',
    ENAMETOOLONG: 'a name that is too long',
    EFBIG: 'a file larger than the system allows',
  };
  const reason = code === undefined ? undefined : reasons[code];
  if (reason === undefined) return cause;
  return fail('FM_DISK', path, {
    expected: 'a place that can be written',
    got: reason,
    next: 'Free some space or choose another place; what was written before is unharmed.',
    cause,
  });
}
