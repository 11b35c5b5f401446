// What every store of vectors can do. `exact-store.ts` compares with all of them; a store that is
// approximate or remote would show the same surface.

import type { IndexAbout } from './index-about.ts';

/** One stored photograph. */
export interface StoredItem {
  /** Unique within the store. */
  readonly id: string;
  /** Where the photograph lies, as it was given. */
  readonly path: string;
  /** What it shows, where that is known. */
  readonly label?: string;
}

/** A stored item with its cosine similarity to a query, -1 to 1. */
export interface Neighbour {
  /** Its position in the order in which items were added. */
  readonly index: number;
  readonly item: StoredItem;
  readonly similarity: number;
}

/** Vectors of one length, looked up by cosine similarity. */
export interface VectorStore {
  /** Numbers of a vector. */
  readonly dimension: number;
  readonly items: readonly StoredItem[];
  /**
   * Adds items with their vectors, row by row `[items.length, dimension]`, of any norm. Throws
   * FM_INDEX for vectors that do not fit and for ids that the store has already.
   */
  add(items: readonly StoredItem[], vectors: Float32Array): void;
  /**
   * The `k` nearest items of each query, nearest first; fewer where the store has fewer. Queries
   * stand row by row, `[n, dimension]`, of any norm.
   */
  search(queries: Float32Array, k: number): Promise<Neighbour[][]>;
  /** Writes the store to one file, atomically. Each kind of store has a static `load` beside it. */
  save(path: string, about: IndexAbout): Promise<void>;
  /** Frees what the engine holds. */
  close(): Promise<void>;
}
