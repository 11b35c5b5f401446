// How far the benchmark is, on standard error.

export interface RowProgress {
  readonly row: string;
  readonly done: number;
  readonly total: number;
  /** How much of the row is done, 0 to 1. */
  readonly share: number;
  readonly what: string;
  /** Seconds since the first row began. */
  readonly elapsed: number;
}

/** `3/12 step:resnet18:train: round 2 of 7, about 4 min left`. Rows count alike. */
export function progressLine({ row, done, total, share, what, elapsed }: RowProgress): string {
  const position = done + share;
  const left = position > 0 ? (elapsed / position) * (total - position) : 0;
  const rest = left > 0 ? `, about ${duration(left)} left` : '';
  return `${done + 1}/${total} ${row}: ${what}${rest}`;
}

/** Seconds in words: `40 s`, `12 min`. */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Writes lines over each other on a terminal; elsewhere one every ten seconds or so. */
export function progressWriter(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
): (line: string) => void {
  if (stream.isTTY) return (line) => stream.write(`\r\x1b[2K${line}`);
  let last = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (performance.now() - last < 10_000) return;
    last = performance.now();
    stream.write(`${line}\n`);
  };
}
