// Keyed, counter-based random numbers: every draw is a pure function of (seed, purpose, keys,
// position). There is no generator state to save, so a resumed run draws what it would have drawn.

/** What a key path may be made of. Strings are hashed, numbers are used as they are. */
export type Key = number | string;

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/**
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"):
 * one block of two 32-bit numbers from a key and a counter.
 */
export function threefry(k0: number, k1: number, c0: number, c1: number, out: Uint32Array): void {
  const keys = [k0, k1, (k0 ^ k1 ^ 0x1bd11bda) >>> 0];
  let x0 = (c0 + k0) >>> 0;
  let x1 = (c1 + k1) >>> 0;
  for (let group = 0; group < 5; group++) {
    for (let i = 0; i < 4; i++) {
      const r = ROTATIONS[(group & 1) * 4 + i];
      x0 = (x0 + x1) >>> 0;
      x1 = ((x1 << r) | (x1 >>> (32 - r))) >>> 0;
      x1 = (x1 ^ x0) >>> 0;
    }
    x0 = (x0 + keys[(group + 1) % 3]) >>> 0;
    x1 = (x1 + keys[(group + 2) % 3] + group + 1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
}

/** FNV-1a over UTF-16 code units: stable across machines and versions. */
export function hashString(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

/**
 * A stream of draws. Two streams with the same key path give the same draws in the same order;
 * streams with different paths are independent.
 */
export class RandomStream {
  readonly #k0: number;
  readonly #k1: number;
  readonly #block: Uint32Array = new Uint32Array(2);
  #counter = 0;
  #spare: number | undefined;

  constructor(k0: number, k1: number) {
    this.#k0 = k0;
    this.#k1 = k1;
  }

  /** A stream further down the key path. Draws from the parent do not influence it. */
  child(...keys: Key[]): RandomStream {
    let k0 = this.#k0;
    let k1 = this.#k1;
    const block = new Uint32Array(2);
    for (const key of keys) {
      // numbers and strings live in different halves of the counter space, so 1 is not '1'
      const [low, tag] = typeof key === 'string' ? [hashString(key), 2] : [key >>> 0, 1];
      const high = typeof key === 'number' ? Math.floor(key / 2 ** 32) >>> 0 : key.length;
      threefry(k0, k1, low, (high << 2) ^ tag ^ 0x80000000, block);
      k0 = block[0];
      k1 = block[1];
    }
    return new RandomStream(k0, k1);
  }

  /** A uniform 32-bit integer. */
  uint32(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    threefry(this.#k0, this.#k1, this.#counter++, 0, this.#block);
    this.#spare = this.#block[1];
    return this.#block[0];
  }

  /** A uniform number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.uint32() + 0.5) / 2 ** 32);
  }

  /** A uniform integer in [0, n). */
  integer(n: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * n);
  }

  /** True with probability p. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** A normal deviate (Box-Muller). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)];
  }

  /** The numbers 0..n-1 in random order (Fisher-Yates). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** The root stream of a purpose: `randomStream(7, 'augment', epoch, exampleId)`. */
export function randomStream(seed: number, purpose: string, ...keys: Key[]): RandomStream {
  return new RandomStream(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0).child(purpose, ...keys);
}
