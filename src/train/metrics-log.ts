// What a run writes down of each epoch: `metrics.jsonl`, one line of JSON each.

import { appendFile, open, stat, truncate } from 'node:fs/promises';
import { diskError } from '../formats/atomic-file.ts';

/** One line of `metrics.jsonl`. */
export type MetricsLine = Readonly<Record<string, string | number | boolean | null>>;

/** Numbers of scales as fields of a line: `valTop1:scale2`. */
export function byScale(
  what: string,
  scales: Readonly<Record<string, number>> = {},
): Record<string, number> {
  return Object.fromEntries(Object.entries(scales).map(([name, v]) => [`${what}:${name}`, v]));
}

/** Appends to `metrics.jsonl`, and takes back what was written after the last checkpoint. */
export class MetricsLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async append(line: MetricsLine): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(line)}\n`).catch((cause) => {
      throw diskError(this.#path, cause);
    });
  }

  /** Flushes what was written to the disk; a checkpoint that refers to it may be written then. */
  async sync(): Promise<void> {
    const file = await open(this.#path, 'a').catch((cause) => {
      throw diskError(this.#path, cause);
    });
    await file.datasync();
    await file.close();
  }

  /** Bytes written so far. */
  async length(): Promise<number> {
    return (await stat(this.#path).catch(() => ({ size: 0 }))).size;
  }

  async cutTo(bytes: number): Promise<void> {
    if ((await this.length()) > bytes) await truncate(this.#path, bytes);
  }
}
