// A file that is read in places: whatever is missing is one error, and its hash is taken on the way.

import type { Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../core/errors.ts';

/** Bytes of one call: the next piece is read while the last one is hashed. */
const PIECE = 4 * 2 ** 20;
/** The most bytes of one tensor, for reader and writer: Node 20 has no longer array of bytes. */
export const MAX_BYTES = 2 ** 32;
/** Of what a file says of itself in a message. */
const LONGEST_QUOTE = 200;

export interface SourceOptions {
  /**
   * Takes in every byte of the file, in order. What is read in the order of the file is read once;
   * what was skipped at first is read again.
   */
  readonly hash?: Hash;
}

/** An open file whose length is known. */
export class ByteSource {
  readonly path: string;
  readonly size: number;
  readonly file: FileHandle;
  /** What the file should be, for messages: `a safetensors file`. */
  readonly kind: string;
  readonly #hash: Hash | undefined;
  /** How much of the file the hash has taken in. */
  #hashed = 0;

  constructor(
    path: string,
    file: FileHandle,
    { size, kind, hash }: { size: number; kind: string } & SourceOptions,
  ) {
    this.path = path;
    this.file = file;
    this.size = size;
    this.kind = kind;
    this.#hash = hash;
  }

  /** Bytes of their own, aligned for any type. */
  async bytes(at: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    // nothing is allocated for what cannot be there
    if (at + length > this.size) {
      const there = Math.max(0, this.size - at);
      throw this.damaged(`${length} bytes`, `${there}: the file ends early`);
    }
    if (length > MAX_BYTES) throw this.#tooLong(length);
    await this.#hashUpTo(at);
    const target = new Uint8Array(length);
    const read = (from: number) => this.#fill(target.subarray(from, from + PIECE), at + from);
    let reading = read(0);
    for (let from = 0; from < length; from += PIECE) {
      await reading;
      reading = read(from + PIECE);
      this.#take(target.subarray(from, from + PIECE), at + from);
    }
    await reading;
    return target;
  }

  /** The hash takes in what nobody has asked for. */
  async finish(): Promise<void> {
    await this.#hashUpTo(this.size);
  }

  async #fill(target: Uint8Array, at: number): Promise<void> {
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.file.read(target, done, target.length - done, at + done);
      if (bytesRead === 0) {
        throw this.damaged(`${this.size} bytes`, `${at + done}: the file ends early`);
      }
      done += bytesRead;
    }
  }

  #take(bytes: Uint8Array, at: number): void {
    const fresh = bytes.subarray(Math.max(0, this.#hashed - at));
    if (this.#hash === undefined || fresh.length === 0) return;
    this.#hash.update(fresh);
    this.#hashed = at + bytes.length;
  }

  async #hashUpTo(end: number): Promise<void> {
    while (this.#hash !== undefined && this.#hashed < end) {
      const piece = new Uint8Array(Math.min(PIECE, end - this.#hashed));
      await this.#fill(piece, this.#hashed);
      this.#take(piece, this.#hashed);
    }
  }

  #tooLong(length: number) {
    return fail('FM_FORMAT', this.path, {
      expected: `at most ${MAX_BYTES} bytes at a time`,
      got: `a tensor of ${length}`,
      next: 'Write it in smaller parts.',
    });
  }

  /** The error for a file that is not what it should be. */
  damaged(expected: string, got: string, cause?: unknown) {
    const next = `The file is damaged or not ${this.kind}; fetch or write it again.`;
    const parts = { expected: quote(expected), got: quote(got), next, cause };
    return fail('FM_FORMAT', this.path, parts);
  }
}

function quote(text: string): string {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)} ...` : text;
}

/** Opens a file for as long as `use` takes. FM_FORMAT where there is none. */
export async function withSource<T>(
  path: string,
  kind: string,
  use: (source: ByteSource) => Promise<T>,
  options: SourceOptions = {},
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
    const source = new ByteSource(path, file, { size: about.size, kind, ...options });
    if (!about.isFile()) throw source.damaged('a file', 'a folder or device');
    const result = await use(source);
    await source.finish();
    return result;
  } finally {
    await file.close();
  }
}
