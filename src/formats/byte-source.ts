// A file that is read in places: whatever is missing is one error, and nothing is read twice.

import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../core/errors.ts';

/** An open file whose length is known. */
export class ByteSource {
  readonly path: string;
  readonly size: number;
  readonly file: FileHandle;
  /** What the file should be, for messages: `a safetensors file`. */
  readonly kind: string;

  constructor(path: string, file: FileHandle, size: number, kind: string) {
    this.path = path;
    this.file = file;
    this.size = size;
    this.kind = kind;
  }

  /** Bytes of their own, aligned for any type. */
  async bytes(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    // nothing is allocated for what cannot be there
    if (at + length > this.size) {
      const there = Math.max(0, this.size - at);
      throw this.damaged(`${length} bytes`, `${there}: the file ends early`);
    }
    const target = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.file.read(target, read, length - read, at + read);
      if (bytesRead === 0) {
        throw this.damaged(`${length} bytes`, `${read}: the file ends early`);
      }
      read += bytesRead;
    }
    return target;
  }

  /** The error for a file that is not what it should be. */
  damaged(expected: string, got: string, cause?: unknown) {
    const next = `The file is damaged or not ${this.kind}; fetch or write it again.`;
    return fail('FM_FORMAT', this.path, { expected, got, next, cause });
  }
}

/** Opens a file for as long as `use` takes. FM_FORMAT where there is none. */
export async function withSource<T>(
  path: string,
  kind: string,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw fail('FM_FORMAT', path, {
      expected: kind,
      got: (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no file' : String(cause),
      next: 'Check the path.',
      cause,
    });
  }
  try {
    const about = await file.stat();
    const source = new ByteSource(path, file, about.size, kind);
    if (!about.isFile()) throw source.damaged('a file', 'a folder or device');
    return await use(source);
  } finally {
    await file.close();
  }
}
