// The worker thread of recogniser-thread.ts: one model, loaded, and what it is asked.

import { parentPort } from 'node:worker_threads';
import { createSession } from '../runtime/node.ts';
import type { Session } from '../runtime/session.ts';
import { sendError, type ThreadMessage, type ThreadReply } from '../runtime/thread.ts';
import type { Manifest } from './manifest.ts';
import { graphFor } from './model-use.ts';
import { openModel } from './open-model.ts';
import { cutView } from './photo-view.ts';
import type { ModelAsk, ModelOpened, ThreadModel } from './recogniser-thread.ts';

const port = parentPort!;
let opened: { manifest: Manifest; session: Session } | undefined;

port.on('message', async (message: ThreadMessage<ModelAsk>) => {
  if (message === null) {
    await opened?.session.close();
    port.close();
    return;
  }
  const { id, ask } = message;
  const reply: ThreadReply = await answer(ask).then(
    (answer) => ({ id, answer }),
    (cause) => ({ id, error: sendError(cause) }),
  );
  port.postMessage(reply);
});

async function answer(ask: ModelAsk): Promise<unknown> {
  if (ask.kind === 'open') return await open(ask.model);
  const { manifest, session } = opened!;
  return ask.kind === 'run'
    ? await session.run(ask.feeds)
    : await cutView(ask.request, manifest.input);
}

async function open({ folder, threads, use }: ThreadModel): Promise<ModelOpened> {
  const model = await openModel(folder);
  const { manifest } = model;
  const session = await createSession(graphFor(model, use), { threads });
  opened = { manifest, session };
  const { inputNames, outputNames } = session;
  return { manifest, inputNames, outputNames };
}
