// The training process. It exits when its parent is gone, so that nothing is left behind.

import { FieldmarkError } from '../core/errors.ts';
import { emitter } from './events.ts';
import type { FromTrainer, ToTrainer } from './messages.ts';
import { Stopped } from './phase.ts';
import { runTraining, type TrainJob } from './trainer.ts';

const stop = new AbortController();

function send(message: FromTrainer): void {
  if (process.connected) process.send!(message);
}

process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole process group: the parent asks for a checkpoint, so it means nothing here
process.on('SIGINT', () => {});
process.on('SIGTERM', () => stop.abort());
process.on('message', (message: ToTrainer) => {
  if (message.kind === 'stop') stop.abort();
  else void work(message.job);
});
send({ kind: 'ready' });

async function work(job: TrainJob): Promise<void> {
  const emit = emitter((event) => send({ kind: 'event', event }));
  const last = await runTraining(job, emit, stop.signal).then(
    (summary): FromTrainer => ({ kind: 'done', summary }),
    failure,
  );
  // the message must be on its way before the channel closes
  if (process.connected) process.send!(last, () => process.exit(0));
  else process.exit(1);
}

function failure(cause: unknown): FromTrainer {
  if (cause instanceof Stopped) return { kind: 'stopped' };
  const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
  return cause instanceof FieldmarkError
    ? { kind: 'failed', message, code: cause.code }
    : { kind: 'failed', message, stack };
}
