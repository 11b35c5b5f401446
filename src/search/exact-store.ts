// The store that compares a query with every vector: exact, and quick up to a million of them.

import { fail, mustBeCount } from '../core/errors.ts';
import { hostTensor } from '../core/tensor.ts';
import type { Session } from '../runtime/session.ts';
import { sharedSession } from '../runtime/shared-session.ts';
import type { IndexAbout } from './index-about.ts';
import { type LoadedIndex, readIndex, writeIndex } from './index-file.ts';
import { nearestSession, unitRows } from './similarity.ts';
import type { Neighbour, StoredItem, VectorStore } from './vector-store.ts';

/** Queries of one pass. */
const BATCH = 64;
/** Rows of one pass, so that the products of a pass stay below 64 MB. */
const BLOCK = 2 ** 18;

/** Vectors in memory, of unit norm. */
export class ExactStore implements VectorStore {
  readonly dimension: number;
  readonly #items: StoredItem[] = [];
  #ids: ReadonlySet<string> = new Set();
  #vectors: Float32Array = new Float32Array(0);
  /** Graphs by queries, rows and neighbours of a pass. */
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(dimension: number) {
    this.dimension = dimension;
  }

  /** Opens an index file; see `readIndex` for what is refused. */
  static async load(path: string): Promise<LoadedIndex<ExactStore>> {
    const { items, vectors, dimension, about } = await readIndex(path);
    const store = new ExactStore(dimension);
    store.add(items, vectors);
    return { store, about };
  }

  get items(): readonly StoredItem[] {
    return this.#items;
  }

  /** Unit vectors in the order of the items, `[items.length, dimension]`. */
  get vectors(): Float32Array {
    return this.#vectors;
  }

  add(items: readonly StoredItem[], vectors: Float32Array): void {
    this.#check(items.length, vectors);
    const ids = new Set(this.#ids);
    for (const { id } of items) {
      if (ids.has(id)) throw repeated(id);
      ids.add(id);
    }
    const all = new Float32Array(ids.size * this.dimension);
    all.set(this.#vectors);
    all.set(unitRows(vectors, this.dimension), this.#vectors.length);
    // nothing has changed until here, in case of an error; a spread push would overflow the stack
    this.#ids = ids;
    this.#vectors = all;
    for (const item of items) this.#items.push(item);
  }

  async search(queries: Float32Array, k: number): Promise<Neighbour[][]> {
    const { dimension: d } = this;
    const count = queries.length / d;
    mustBeCount(k, 'k', 'It is how many neighbours are returned.');
    this.#check(count, queries);
    const unit = unitRows(queries, d);
    const found: Neighbour[][] = [];
    for (let first = 0; first < count; first += BATCH) {
      const q = Math.min(BATCH, count - first);
      found.push(...(await this.#batch(unit.subarray(first * d, (first + q) * d), q, k)));
    }
    return found;
  }

  async save(path: string, about: IndexAbout): Promise<void> {
    const { dimension } = this;
    await writeIndex(path, { items: this.#items, vectors: this.#vectors, dimension, about });
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).close();
  }

  /** The nearest of up to `BATCH` unit queries. */
  async #batch(unit: Float32Array, q: number, k: number): Promise<Neighbour[][]> {
    const { dimension: d } = this;
    const queries = hostTensor('float32', [q, d], unit);
    const found = Array.from({ length: q }, (): Neighbour[] => []);
    for (let first = 0; first < this.#items.length; first += BLOCK) {
      const n = Math.min(BLOCK, this.#items.length - first);
      const rows = hostTensor(
        'float32',
        [n, d],
        this.#vectors.subarray(first * d, (first + n) * d),
      );
      const kept = Math.min(k, n);
      const { values, indices } = await (await this.#session(q, n, kept)).run({ queries, rows });
      found.forEach((list, i) => {
        for (let j = i * kept; j < (i + 1) * kept; j++) {
          const index = first + Number(indices.data[j]);
          list.push({ index, item: this.#items[index], similarity: Number(values.data[j]) });
        }
      });
    }
    return found.map((list) => list.sort(nearestFirst).slice(0, k));
  }

  #session(q: number, n: number, k: number): Promise<Session> {
    const key = `${q} ${n} ${k}`;
    const open = async () => sharedSession(await nearestSession(q, n, this.dimension, k), 'index');
    const session = this.#sessions.get(key) ?? open();
    this.#sessions.set(key, session);
    return session;
  }

  #check(count: number, vectors: Float32Array): void {
    const whole = Number.isInteger(count) && vectors.length === count * this.dimension;
    if (whole && vectors.every(Number.isFinite)) return;
    throw fail('FM_INDEX', 'index', {
      expected: `finite vectors of ${this.dimension} numbers`,
      got: whole ? 'one with NaN or infinity' : `${vectors.length} numbers`,
      next: 'Compute the descriptors again with the model of the index.',
    });
  }
}

function repeated(id: string) {
  return fail('FM_INDEX', 'index', {
    expected: 'an id for each photograph',
    got: `'${id}' twice`,
    next: 'Give each photograph its own id.',
  });
}

function nearestFirst(a: Neighbour, b: Neighbour): number {
  return b.similarity - a.similarity || a.index - b.index;
}
