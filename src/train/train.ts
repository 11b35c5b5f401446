// Training as a function: starts the training process, relays what it says, stops it on request.

import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, FieldmarkError, fail } from '../core/errors.ts';
import { forReader } from '../core/option-words.ts';
import { wholePath } from '../formats/own-module.ts';
import { trunkSize } from '../hub/onnx-trunk.ts';
import { absoluteTrunk, trunkPath } from '../hub/trunk-options.ts';
import { absoluteWeights } from '../hub/weights-name.ts';
import { parseConfig, type RunConfig, type RunConfigInput } from './config.ts';
import { settleEngine } from './engine.ts';
import type { TrainEvent, TrainSummary } from './events.ts';
import type { FromTrainer, ToTrainer } from './messages.ts';
import { type OpenMode, readRunConfig } from './run-folder.ts';
import type { TrainJob } from './trainer.ts';

export interface TrainOptions {
  /** Folder of the run. */
  readonly out: string;
  readonly config: RunConfigInput;
  /** What to do when the folder holds a run already. Default: `new`, which refuses. */
  readonly mode?: OpenMode;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting stops after a checkpoint; the promise rejects with `TrainingStopped`. */
  readonly signal?: AbortSignal;
}

/** Training ended early because it was asked to; the message says how it continues. */
export class TrainingStopped extends Error {
  override readonly name = 'TrainingStopped';
}

/**
 * glibc returns large blocks to the system after every step and faults them in again at the next;
 * these keep them, but for blocks of 128 MiB and more, of which too many would lie about
 * (`wantsNoArena`). They must be in place before the process starts.
 */
export const ALLOCATOR = {
  MALLOC_MMAP_THRESHOLD_: '134217728',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '67108864',
};

/** Trains a recogniser. Everything happens in a process of its own; this one stays responsive. */
export async function train(options: TrainOptions): Promise<TrainSummary> {
  const say = (text: string) => options.onEvent?.({ kind: 'note', text: forReader(text) });
  const { out, mode = 'new' } = options;
  const folder = resolve(out);
  const config = await settleConfig(options.config, mode === 'resume' ? folder : undefined, say);
  const job: TrainJob = { folder, config, mode };
  const child = startTrainer();
  const tell = (message: ToTrainer) => child.connected && child.send(message);
  const stop = () => tell({ kind: 'stop' });
  options.signal?.addEventListener('abort', stop);
  try {
    return await new Promise<TrainSummary>((done, reject) => {
      child.on('message', (message: FromTrainer) => {
        if (message.kind === 'ready') {
          tell({ kind: 'start', job });
          if (options.signal?.aborted) stop();
        } else if (message.kind === 'event') options.onEvent?.(message.event);
        else if (message.kind === 'done') done(message.summary);
        else if (message.kind === 'stopped')
          reject(
            new TrainingStopped(forReader('stopped after a checkpoint; continue with --resume')),
          );
        else reject(errorOf(message));
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => reject(lost(code, signal)));
    });
  } finally {
    options.signal?.removeEventListener('abort', stop);
    if (child.connected) child.disconnect();
  }
}

/** The size of an ONNX trunk is its own; that of other networks a default. */
async function ownSize({ backbone, size, trunk }: RunConfig): Promise<number> {
  const path = trunkPath(backbone);
  return path === undefined ? size : await trunkSize(path, trunk);
}

/**
 * The configuration as a run's folder holds it: checked, with whole paths, and nothing of the engine
 * left open. Where a run is `resumed`, its folder says what the engine was.
 */
export async function settleConfig(
  input: RunConfigInput,
  resumed: string | undefined,
  say: (note: string) => void,
): Promise<RunConfig> {
  const parsed = parseConfig(input);
  // what may be wrong with the folder, the trainer says
  const before =
    resumed === undefined ? undefined : await readRunConfig(resumed).catch(() => undefined);
  return {
    ...parsed,
    data: resolve(parsed.data),
    backbone: wholePath(absoluteTrunk(parsed.backbone)),
    method: wholePath(parsed.method),
    ...(parsed.format === undefined ? {} : { format: wholePath(parsed.format) }),
    size: input.size ?? (await ownSize(parsed)),
    weights: absoluteWeights(parsed.weights),
    ...(await settleEngine(parsed, before, say)),
  };
}

function startTrainer(): ChildProcess {
  const here = fileURLToPath(import.meta.url);
  const source = here.endsWith('.ts');
  return fork(fileURLToPath(new URL(source ? './worker.ts' : './worker.js', import.meta.url)), {
    env: { ...ALLOCATOR, ...process.env },
    execArgv: source ? ['--import', 'tsx'] : [],
    serialization: 'advanced',
  });
}

function errorOf(message: { message: string; code?: ErrorCode; stack?: string }): Error {
  if (message.code === undefined) {
    return Object.assign(new Error(message.message), { stack: message.stack });
  }
  const error = Object.create(FieldmarkError.prototype) as FieldmarkError;
  return Object.assign(error, {
    message: message.message,
    code: message.code,
    name: 'FieldmarkError',
  });
}

function lost(code: number | null, signal: string | null): FieldmarkError {
  const killed = signal === 'SIGKILL' ? ' (often: out of memory)' : '';
  return fail('FM_RUNTIME', 'training process', {
    expected: 'it to finish',
    got: signal === null ? `exit code ${code}` : `signal ${signal}${killed}`,
    next:
      'Continue (train: with --resume; compare: with the same command), or start anew with less ' +
      'memory a step (--set stages.all.accumulate=2).',
  });
}
