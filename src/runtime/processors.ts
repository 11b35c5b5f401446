// How many processors this process may use: those that it may run on, and no more than a container's share of
// time pays for. Threads that wait for one another while the system holds them back are many times slower.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Reads a file as text; undefined where there is none. */
type ReadText = (path: string) => string | undefined;

/** Processors for the threads of this process, at least 1. Newer versions of Node know of shares themselves. */
export function processors(
  available = availableParallelism(),
  read: ReadText = readIfThere,
): number {
  const share = cpuShare(read);
  return share === undefined ? available : Math.max(1, Math.min(available, Math.ceil(share)));
}

/** Processors' worth of time that a control group of Linux grants, version 2 or 1; undefined: no limit. */
function cpuShare(read: ReadText): number | undefined {
  const [quota, period] = read('/sys/fs/cgroup/cpu.max')?.trim().split(' ') ?? [
    read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ];
  const share = Number(quota) / Number(period); // `max` and nothing are NaN, -1 is no limit
  return share > 0 && Number.isFinite(share) ? share : undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
