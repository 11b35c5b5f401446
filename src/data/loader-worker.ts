// The worker thread of loader.ts: loads one batch after the other and hands its bytes over.

import { parentPort } from 'node:worker_threads';
import { loadBatch } from './batch.ts';
import { ImageError } from './image/fault.ts';
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
    // a class gets lost on the way: data go across, and the error is made anew
    const told =
      error instanceof ImageError
        ? { where: error.where, fault: error.fault }
        : { message: error instanceof Error ? error.message : String(error) };
    port.postMessage({ id, ...told } satisfies LoaderReply);
  }
}
