// Batches decoded ahead of the step that needs them, in worker threads. The bytes are those of
// `loadBatch`, whatever the number of workers.

import { Worker } from 'node:worker_threads';
import { fail } from '../core/errors.ts';
import { type Batch, type BatchRequest, loadBatch } from './batch.ts';
import { ImageError, type ImageFault } from './image/fault.ts';

export interface LoaderOptions {
  /** The request of a batch by its index; `undefined` past the last. Must be a pure function. */
  readonly request: (batchIndex: number) => BatchRequest | undefined;
  /** Worker threads. 0 loads in this thread. Default: 1. */
  readonly workers?: number;
  /** Batches requested beyond the one asked for. Default: 3. */
  readonly ahead?: number;
}

export interface Loader {
  /**
   * The batch of an index. Asking in ascending order finds it ready; any order is allowed. Rejects
   * with FM_IMAGE when an image fails, and with a RangeError where there is no such batch.
   */
  next(batchIndex: number): Promise<Batch>;
  /** Ends the workers. Batches still under way reject. */
  close(): Promise<void>;
}

/** Starts the workers; they hold the process open only while batches are under way. */
export function createLoader({ request, workers = 1, ahead = 3 }: LoaderOptions): Loader {
  const pool = Array.from({ length: workers }, () => new LoaderThread());
  const pending = new Map<number, Promise<Batch>>();
  let closed = false;

  const start = (index: number): void => {
    const asked = pending.has(index) ? undefined : request(index);
    if (asked === undefined) return;
    const thread = pool.reduce<LoaderThread | undefined>(
      (least, one) => (least && least.waiting <= one.waiting ? least : one),
      undefined,
    );
    const batch = thread ? thread.load(asked) : loadBatch(asked);
    batch.catch(() => {}); // reported to whoever asks for this batch
    pending.set(index, batch);
  };

  return {
    async next(batchIndex) {
      if (closed) throw new Error('loader: next() after close()');
      for (const index of pending.keys()) if (index < batchIndex) pending.delete(index);
      for (let i = 0; i <= ahead; i++) start(batchIndex + i);
      const batch = pending.get(batchIndex);
      pending.delete(batchIndex);
      if (batch === undefined) throw new RangeError(`loader: there is no batch ${batchIndex}`);
      return await batch;
    },
    async close() {
      closed = true;
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}

/** What a worker is sent: a request, or null to end. */
export type LoaderMessage = { readonly id: number; readonly request: BatchRequest } | null;

/** What a worker answers. */
export type LoaderReply =
  | { readonly id: number; readonly batch: Batch }
  | { readonly id: number; readonly where: string; readonly fault: ImageFault }
  | { readonly id: number; readonly message: string };

interface Waiting {
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

/** One worker thread and the batches that it owes. */
class LoaderThread {
  readonly #worker: Worker;
  readonly #owed = new Map<number, Waiting>();
  #next = 0;
  #ended: Error | undefined;
  #closing = false;

  constructor() {
    this.#worker = startWorker();
    this.#worker.unref();
    this.#worker.on('message', (reply: LoaderReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', (status) => this.#end(new Error(`exit status ${status}`)));
  }

  /** Batches under way. */
  get waiting(): number {
    return this.#owed.size;
  }

  load(request: BatchRequest): Promise<Batch> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#next++;
    this.#worker.ref();
    this.#worker.postMessage({ id, request } satisfies LoaderMessage);
    return new Promise((resolve, reject) => this.#owed.set(id, { resolve, reject }));
  }

  /** Lets the batch under way finish: stopping a thread inside the decoder is not safe. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#closing = true; // from here on its end is waited for
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.ref();
    this.#worker.postMessage(null satisfies LoaderMessage);
    await exit;
  }

  #settle(reply: LoaderReply): void {
    const owed = this.#owed.get(reply.id);
    this.#owed.delete(reply.id);
    if (this.#owed.size === 0 && !this.#closing) this.#worker.unref();
    if ('batch' in reply) owed?.resolve(reply.batch);
    else if ('fault' in reply) owed?.reject(new ImageError(reply.where, reply.fault));
    else owed?.reject(new Error(reply.message));
  }

  #end(cause: Error): void {
    this.#ended ??= fail('FM_RUNTIME', 'image loader', {
      expected: 'its worker thread to run',
      got: `an end (${cause.message})`,
      next: 'Start again; with little memory, use smaller batches or no workers.',
      cause,
    });
    for (const { reject } of this.#owed.values()) reject(this.#ended);
    this.#owed.clear();
  }
}

/** From compiled files a plain worker; from TypeScript sources (tests, tsx) one that loads tsx. */
function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.js') ? '.js' : '.ts';
  const entry = new URL(`./loader-worker${extension}`, import.meta.url);
  if (extension === '.js') return new Worker(entry);
  // on Node 20 a worker's entry file escapes tsx, even with `--import`; what it imports does not
  const api = import.meta.resolve('tsx/esm/api');
  const start = `import(${JSON.stringify(api)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
  return new Worker(start, { eval: true, execArgv: [] });
}
