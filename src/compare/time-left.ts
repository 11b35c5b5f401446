// How long a comparison still takes: what runs of the same contestant took, or else those of others.

/** Keeps the durations of finished runs and guesses those of the others from them. */
export class TimeLeft {
  readonly #durations = new Map<string, number[]>();
  #ahead: string[];
  #begun = performance.now();

  /** Labels of all runs that are still to be trained, in order. */
  constructor(ahead: readonly string[]) {
    this.#ahead = [...ahead];
  }

  /** The next run begins. */
  begin(): void {
    this.#begun = performance.now();
    this.#ahead.shift();
  }

  /** No further run of `label` is trained. */
  leaveOut(label: string): void {
    this.#ahead = this.#ahead.filter((name) => name !== label);
  }

  /** The run under way took so many seconds. */
  finish(label: string, seconds: number = this.#elapsed()): void {
    const before = this.#durations.get(label) ?? [];
    this.#durations.set(label, [...before, seconds]);
  }

  /**
   * Seconds left over all runs, while one of `label` is under way, whose part under way has
   * `partLeft` seconds to go. A contestant of which no run is finished is taken for the mean.
   */
  seconds(label: string, partLeft: number): number {
    const elapsed = this.#elapsed();
    const own = this.#durations.get(label);
    const now = Math.max(partLeft, own === undefined ? 0 : mean(own) - elapsed);
    const known = [...this.#durations.values()].map(mean);
    const typical = known.length > 0 ? mean(known) : elapsed + now;
    const guess = (name: string) => {
      const durations = this.#durations.get(name);
      if (durations !== undefined) return mean(durations);
      return name === label ? elapsed + now : typical;
    };
    return this.#ahead.reduce((sum, name) => sum + guess(name), now);
  }

  #elapsed(): number {
    return (performance.now() - this.#begun) / 1000;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
