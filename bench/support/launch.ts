// Which process takes a contestant's place in a row, or why none does.

import { join } from 'node:path';
import { ALLOCATOR } from '../../src/train/train.ts';
import type { ContestantName, Row } from '../rows.ts';
import type { Launch } from './contestant.ts';
import type { Job } from './job.ts';
import { contestantScript, type Found, type JsEngines, type Python } from './peers.ts';

export interface LaunchContext {
  readonly threads: number;
  /** Absolute paths, for rows that read photographs. */
  readonly photos: readonly string[];
  /** Lanes of a block, where the blocked lowering runs. */
  readonly blocked: Found<{ readonly lanes: number }>;
  readonly python: Found<Python>;
  readonly js: Found<JsEngines>;
}

const workers = join(import.meta.dirname, '../workers');

/** The contestants of a row that can start, and the reasons of those that cannot. */
export function launchesOf(row: Row, context: LaunchContext) {
  const launches = new Map<ContestantName, Launch>();
  const absent: Partial<Record<ContestantName, string>> = {};
  for (const name of row.contestants) {
    const found = launchOf(row, name, context);
    if ('none' in found) absent[name] = found.none;
    else launches.set(name, found);
  }
  return { launches, absent };
}

function launchOf(row: Row, name: ContestantName, context: LaunchContext): Found<Launch> {
  const { kind } = row.work;
  const job: Job = {
    ...row.work,
    variant: name,
    threads: kind === 'jpeg' ? 1 : context.threads,
    photos: kind === 'jpeg' || kind === 'features' ? context.photos : [],
  };
  const json = JSON.stringify(job);
  switch (name) {
    case 'portable':
      return ours('ours.ts', [json], environmentOf(row));
    case 'blocked':
      return 'none' in context.blocked
        ? context.blocked
        : ours('ours.ts', [json], environmentOf(row));
    case 'torch':
    case 'channelsLast':
      return 'none' in context.python
        ? context.python
        : { command: context.python.path, args: [contestantScript, json] };
    case 'tfjs':
    case 'jax':
      return 'none' in context.js
        ? context.js
        : ours('browser-engines.ts', [json, context.js.folder]);
  }
}

function ours(file: string, args: readonly string[], env?: Launch['env']): Launch {
  const argv = ['--import', 'tsx', join(workers, file), ...args];
  return { command: process.execPath, args: argv, env };
}

/** Answering happens in whatever process asks; all else is work of the training process. */
function environmentOf({ work }: Row): Launch['env'] {
  if (work.kind === 'infer') return {};
  if (work.kind === 'jpeg' || work.kind === 'features')
    return { ...ALLOCATOR, UV_THREADPOOL_SIZE: '1' };
  return ALLOCATOR;
}
