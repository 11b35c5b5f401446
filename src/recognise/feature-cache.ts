// Features of frozen networks, kept on disk, or in memory alone. The key of a folder is the network
// itself, its preprocessing included; the key of a row is the content of the image.

import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FieldmarkError } from '../core/errors.ts';
import { float32, type HostTensor, hostTensor } from '../core/tensor.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';

const HASH_BYTES = 32;
/** Rows that are kept in memory before they are written; an interrupted pass loses no more. */
const SHARD = 512;

/** Told what went wrong with a file; nothing else depends on it. */
export type Note = (text: string) => void;

/** Features by image content. */
export class FeatureCache {
  readonly #folder: string | undefined;
  readonly #note: Note;
  readonly #rows = new Map<string, Float32Array>();
  #pending: [hash: string, row: Float32Array][] = [];

  private constructor(folder: string | undefined, note: Note) {
    this.#folder = folder;
    this.#note = note;
  }

  /** `key` holds everything, beside the image, that the features depend on. */
  static async open(
    root: string,
    key: readonly (string | Uint8Array)[],
    note: Note,
  ): Promise<FeatureCache> {
    const hash = createHash('sha256');
    for (const part of key) hash.update(part).update('\0');
    const folder = join(root, hash.digest('hex').slice(0, 32));
    const cache = new FeatureCache(folder, note);
    await cache.#read(folder);
    return cache;
  }

  /** A cache that is gone with the process. */
  static inMemory(): FeatureCache {
    return new FeatureCache(undefined, () => {});
  }

  get(hash: string): Float32Array | undefined {
    return this.#rows.get(hash);
  }

  async put(hash: string, row: Float32Array): Promise<void> {
    this.#rows.set(hash, row);
    if (this.#folder === undefined) return;
    this.#pending.push([hash, row]);
    if (this.#pending.length >= SHARD) await this.flush();
  }

  /** Writes what is not on disk yet, as one more file. */
  async flush(): Promise<void> {
    const rows = this.#pending;
    if (this.#folder === undefined || rows.length === 0) return;
    this.#pending = [];
    const width = rows[0][1].length;
    const hashes = new Uint8Array(rows.length * HASH_BYTES);
    const features = new Float32Array(rows.length * width);
    rows.forEach(([hash, row], i) => {
      hashes.set(Buffer.from(hash, 'hex'), i * HASH_BYTES);
      features.set(row, i * width);
    });
    const tensors = new Map<string, HostTensor>([
      ['features', float32([rows.length, width], features)],
      ['hashes', hostTensor('uint8', [rows.length, HASH_BYTES], hashes)],
    ]);
    const name = createHash('sha256').update(hashes).digest('hex').slice(0, 16);
    const path = join(this.#folder, `${name}.safetensors`);
    await writeSafetensors(path, tensors).catch((cause) => {
      // training does not need the file: the next run computes these again
      if (!(cause instanceof FieldmarkError)) throw cause;
      this.#note(`feature cache: ${cause.message}`);
    });
  }

  async #read(folder: string): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((n) => n.endsWith('.safetensors')).sort()) {
      const path = join(folder, name);
      try {
        this.#add((await readSafetensors(path)).tensors);
      } catch (cause) {
        this.#note(`feature cache: ${path} is damaged and is computed again (${String(cause)})`);
        await rm(path, { force: true });
      }
    }
  }

  #add(tensors: ReadonlyMap<string, HostTensor>): void {
    const features = tensors.get('features')!;
    const hashes = tensors.get('hashes')!.data as Uint8Array;
    const [n, width] = features.shape;
    for (let i = 0; i < n; i++) {
      const hash = Buffer.from(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
      const row = (features.data as Float32Array).subarray(i * width, (i + 1) * width);
      this.#rows.set(hash.toString('hex'), row);
    }
  }
}
