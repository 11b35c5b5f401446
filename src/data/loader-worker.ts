// The worker thread of loader.ts: loads one batch after the other and hands its bytes over.

import { parentPort } from 'node:worker_threads';
import { FieldmarkError } from '../core/errors.ts';
import { loadBatch } from './batch.ts';
import type { LoaderMessage, LoaderReply } from './loader.ts';

const port = parentPort!;
let queue: Promise<void> = Promise.resolve();
let closed = false;

port.on('message', (message: LoaderMessage) => {
  if (message === null) closed = true;
  queue = queue.then(() => (message === null ? port.close() : answer(message)));
});

async function answer({ id, request }: NonNullable<LoaderMessage>): Promise<void> {
  if (closed) return;
  try {
    const batch = await loadBatch(request);
    port.postMessage({ id, batch } satisfies LoaderReply, [batch.images.buffer]);
  } catch (error) {
    const code = error instanceof FieldmarkError ? error.code : undefined;
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ id, message, code } satisfies LoaderReply);
  }
}
