// A worker thread that is asked things and answers them. It holds the process open only while it owes
// an answer.

import { type TransferListItem, Worker } from 'node:worker_threads';
import { FieldmarkError, fail } from '../core/errors.ts';

/** What a thread is sent; null ends it. */
export type ThreadMessage<Ask> = { readonly id: number; readonly ask: Ask } | null;

/** What a thread sends back. */
export type ThreadReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: SentError };

/** An error as it crosses to another thread, where classes get lost. */
export interface SentError {
  readonly message: string;
  /** Of an error that is made for people. */
  readonly parts?: Readonly<Record<string, unknown>>;
  readonly stack?: string;
}

interface Owed {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** One worker thread and the answers that it owes. */
export class Thread<Ask> {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #owed = new Map<number, Owed>();
  #next = 0;
  #ended: Error | undefined;

  /** `module` is the module of the thread, without its extension, beside `beside`; see `serve`. */
  constructor(name: string, module: string, beside: string, data?: unknown) {
    this.#name = name;
    this.#worker = startWorker(module, beside, data);
    this.#worker.unref();
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#end(error.message, error));
    this.#worker.on('exit', (status) => this.#end(`exit status ${status}`));
  }

  /** What is in `transfer` belongs to the thread from then on. */
  ask<Answer>(ask: Ask, transfer: readonly TransferListItem[] = []): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    this.#worker.postMessage({ id, ask } satisfies ThreadMessage<Ask>, transfer);
    this.#worker.ref();
    return new Promise((resolve, reject) =>
      this.#owed.set(id, { resolve: resolve as Owed['resolve'], reject }),
    );
  }

  /** Lets it end, which it does by itself: stopping a thread inside the engine is not safe. */
  async close(): Promise<void> {
    if (this.#ended) return;
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.ref();
    this.#worker.postMessage(null satisfies ThreadMessage<Ask>);
    await exit;
  }

  #settle(reply: ThreadReply): void {
    const owed = this.#owed.get(reply.id);
    this.#owed.delete(reply.id);
    if (this.#owed.size === 0) this.#worker.unref();
    if ('error' in reply) owed?.reject(receiveError(reply.error));
    else owed?.resolve(reply.answer);
  }

  #end(got: string, cause?: Error): void {
    this.#ended ??= fail('FM_RUNTIME', this.#name, {
      expected: 'its worker thread to run',
      got: `an end (${got})`,
      next: 'Load it again; where memory ran out, have fewer things under way at once.',
      cause,
    });
    for (const { reject } of this.#owed.values()) reject(this.#ended);
    this.#owed.clear();
  }
}

/** An error to be sent. */
export function sendError(cause: unknown): SentError {
  if (cause instanceof FieldmarkError) return { message: cause.message, parts: { ...cause } };
  const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
  return { message, stack };
}

/** The error that was sent. */
export function receiveError({ message, parts, stack }: SentError): Error {
  const error = new Error(message);
  if (parts === undefined) return Object.assign(error, { stack });
  Object.setPrototypeOf(error, FieldmarkError.prototype);
  return Object.assign(error, parts);
}

/** From compiled files a plain worker; from TypeScript sources (tests, tsx) one that loads tsx. */
function startWorker(module: string, beside: string, workerData: unknown): Worker {
  const extension = beside.endsWith('.js') ? '.js' : '.ts';
  const entry = new URL(`${module}${extension}`, beside);
  if (extension === '.js') return new Worker(entry, { workerData });
  // on Node 20 a worker's entry file escapes tsx, even with `--import`; what it imports does not
  const api = import.meta.resolve('tsx/esm/api');
  const start = `import(${JSON.stringify(api)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
  return new Worker(start, { eval: true, execArgv: [], workerData });
}
