// Keeps the memory of decoding bounded: large images wait until others are done.

/** Pixels that may be decoded at the same time, unless a single image has more. */
export class PixelBudget {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `work` as soon as there is room for its pixels; one that has no room ever runs alone. */
  async run<T>(pixels: number, work: () => Promise<T>): Promise<T> {
    while (this.#used > 0 && this.#used + pixels > this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#used += pixels;
    try {
      return await work();
    } finally {
      this.#used -= pixels;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}
