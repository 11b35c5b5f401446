// A contestant is a process of its own. It builds once and says so; then each line "go" is one timed
// repetition. Lines of its standard output that are not JSON objects are not for us.
//
//   contestant: {"ready": true, "createMs": 120}
//   we:         go
//   contestant: {"ms": 812.5, "peakMb": 930}
//   we close its input, and it ends

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How to start a contestant. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a contestant says when it has built what it runs. */
export interface Ready {
  readonly ready: true;
  /** Milliseconds to create the session, where there is one. */
  readonly createMs?: number;
}

/** What it says after a repetition. */
export interface Repetition {
  /** Milliseconds a unit of work: a step, a batch, a photograph, a call. */
  readonly ms: number;
  /** Largest resident memory of its process so far, in MB of 10^6 bytes. */
  readonly peakMb: number;
}

export interface ContestantOptions {
  /** Longest wait for an answer, in ms. Default: 15 minutes. */
  readonly patience?: number;
  /** Longest wait for its end, in ms. Default: 5 seconds. */
  readonly farewell?: number;
}

const alive = new Set<ChildProcessWithoutNullStreams>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A running contestant. Every method but `close` rejects with the reason when it failed. */
export class Contestant {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #patience: number;
  readonly #farewell: number;
  readonly #exited: Promise<void>;
  #waiting: { resolve(message: object): void; reject(error: Error): void } | undefined;
  #failure: Error | undefined;
  #complaints = '';
  /** What it said when it was ready. */
  ready: Ready = { ready: true };

  private constructor(launch: Launch, { patience, farewell }: ContestantOptions) {
    this.#patience = patience ?? 15 * 60_000;
    this.#farewell = farewell ?? 5000;
    const env = { ...process.env, ...launch.env };
    const child = spawn(launch.command, launch.args, { env, stdio: 'pipe' });
    this.#child = child;
    alive.add(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-8000);
    });
    child.stdin.on('error', () => {}); // it ended before it read: `close` below says why
    this.#exited = new Promise((resolve) => {
      const end = (reason: string) => {
        alive.delete(child);
        this.#fail(reason);
        resolve();
      };
      child.on('error', (error) => end(error.message));
      child.on('close', (code, signal) => end(reasonOf(this.#complaints, code, signal)));
    });
  }

  /** Starts a contestant and waits until it has built what it runs. */
  static async start(launch: Launch, options: ContestantOptions = {}): Promise<Contestant> {
    const contestant = new Contestant(launch, options);
    try {
      contestant.ready = (await contestant.#answer()) as Ready;
      return contestant;
    } catch (error) {
      await contestant.close();
      throw error;
    }
  }

  /** One timed repetition. */
  async go(): Promise<Repetition> {
    const answer = this.#answer();
    this.#child.stdin.write('go\n');
    return (await answer) as Repetition;
  }

  /** Asks it to end, and ends it when it does not. Never rejects. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#farewell);
    await this.#exited;
    clearTimeout(timer);
  }

  async #answer(): Promise<object> {
    if (this.#failure !== undefined) throw this.#failure;
    const timer = setTimeout(() => {
      this.#fail(`no answer within ${this.#patience / 1000} s`);
      this.#child.kill('SIGKILL');
    }, this.#patience);
    try {
      return await new Promise<object>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return;
    try {
      this.#waiting?.resolve(JSON.parse(line));
    } catch {
      // something else that begins like an object
    }
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#waiting?.reject(this.#failure);
  }
}

/** Why a contestant ended: the message in its last words, else how it ended. */
function reasonOf(complaints: string, code: number | null, signal: string | null): string {
  const end = signal === null ? `ended with status ${code}` : `ended by ${signal}`;
  const hint = signal === 'SIGKILL' ? ' (often: out of memory)' : '';
  const lines = complaints.split('\n').map((line) => line.trim());
  const said = lines
    .filter((line) => /^[A-Z][\w.]*(Error|Exception|Interrupt)\b/.test(line))
    .at(-1);
  const last = said ?? lines.filter((line) => line !== '').at(-1);
  return code !== 0 && last !== undefined ? `${end}${hint}: ${last}` : `${end}${hint}`;
}
