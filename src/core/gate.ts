// Work that is under way when something is closed: it is waited for, and nothing new begins.

/** Lets work in until it is closed. */
export class Gate {
  #inside = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  readonly #refusal: () => Error;

  /** `refusal` makes the error of whoever comes after it was closed. */
  constructor(refusal: () => Error) {
    this.#refusal = refusal;
  }

  /** Begins work, or throws where it is closed. */
  async enter<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw this.#refusal();
    const under = work();
    const ended = under.then(
      () => {},
      () => {},
    );
    this.#inside.add(ended);
    try {
      return await under;
    } finally {
      this.#inside.delete(ended);
    }
  }

  /** Waits for what is under way, then does `last`, once; later calls wait for the same. */
  close(last: () => Promise<void>): Promise<void> {
    this.#closed ??= Promise.all(this.#inside).then(last);
    return this.#closed;
  }
}
