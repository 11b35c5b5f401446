// Progress of long work: how far, how fast, how long still.

/** Work whose end is known, with how far it is. */
export interface ProgressEvent {
  readonly task: string;
  readonly done: number;
  readonly total: number;
  /** What is counted, such as `MB`. Images when absent. */
  readonly unit?: string;
  /** Further facts for the line: loss, rate. */
  readonly facts?: string;
  /** Units a second. */
  readonly perSecond?: number;
  readonly secondsLeft?: number;
}

/** Rate and time left of work in equal units, measured over the last minute or so. */
export class Pace {
  readonly #marks: { at: number; done: number }[] = [];

  /** Units a second, and seconds left; zeros until there is something to measure. */
  measure(done: number, total: number): { perSecond: number; secondsLeft: number } {
    const at = performance.now() / 1000;
    this.#marks.push({ at, done });
    while (this.#marks.length > 2 && this.#marks[0].at < at - 60) this.#marks.shift();
    const first = this.#marks[0];
    const perSecond = at > first.at ? (done - first.done) / (at - first.at) : 0;
    return { perSecond, secondsLeft: perSecond > 0 ? (total - done) / perSecond : 0 };
  }
}
