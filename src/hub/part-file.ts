// A download under way: the bytes so far, and which version of which file they belong to.

import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { diskError } from '../formats/atomic-file.ts';

/** What is known about the bytes of a part. */
export interface PartOrigin {
  readonly url: string;
  /** Strong ETag, else the date of the last change; empty where the server says neither. */
  readonly version: string;
  /** Bytes of the whole file; null where the server does not say. */
  readonly total: number | null;
}

/** The part of a file that has arrived, beside the file's own place. */
export class PartFile {
  readonly #target: string;
  readonly #path: string;
  readonly #about: string;

  constructor(target: string) {
    this.#target = target;
    this.#path = `${target}.part`;
    this.#about = `${target}.part.json`;
  }

  get path(): string {
    return this.#path;
  }

  /** Bytes so far. */
  async size(): Promise<number> {
    return (await stat(this.#path).catch(() => ({ size: 0 }))).size;
  }

  /** Undefined for a part of nothing, or of nobody knows what. */
  async origin(): Promise<PartOrigin | undefined> {
    try {
      return JSON.parse(await readFile(this.#about, 'utf8')) as PartOrigin;
    } catch {
      return undefined;
    }
  }

  /** Opens it to go on; a new origin empties it first, so that no bytes are ever taken for others. */
  async open(fresh?: PartOrigin): Promise<FileHandle> {
    try {
      const file = await open(this.#path, fresh === undefined ? 'a' : 'w');
      if (fresh === undefined) return file;
      // one that is cut short says nothing, and the part counts as one of nobody knows what
      await writeFile(this.#about, JSON.stringify(fresh)).catch(async (cause) => {
        await file.close();
        throw cause;
      });
      return file;
    } catch (cause) {
      throw await this.failed(cause);
    }
  }

  /** After a write that failed: a full disk gets its room back. Returns the error to throw. */
  async failed(cause: unknown): Promise<unknown> {
    await this.drop();
    return diskError(this.#target, cause);
  }

  /** Puts the whole file in its place. */
  async finish(): Promise<void> {
    await rename(this.#path, this.#target).catch((cause) => {
      throw diskError(this.#target, cause);
    });
    await rm(this.#about, { force: true });
  }

  async drop(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(this.#about, { force: true });
  }
}
