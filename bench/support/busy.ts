// Whether the machine is doing something else. PyTorch's and our threads suffer differently from
// that, so ratios measured beside other work say little.

import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What `os.cpus()` tells of one processor: milliseconds in each state. */
export type ProcessorTimes = ReturnType<typeof cpus>[number]['times'];

/** Processors that are busy just now, on average over a short while in which we do nothing. */
export async function busyProcessors(milliseconds: number): Promise<number> {
  const before = cpus().map(({ times }) => times);
  await sleep(milliseconds);
  const after = cpus().map(({ times }) => times);
  return busyBetween(before, after);
}

/** Busy processors between two readings. */
export function busyBetween(
  before: readonly ProcessorTimes[],
  after: readonly ProcessorTimes[],
): number {
  let busy = 0;
  after.forEach((now, i) => {
    const passed = total(now) - total(before[i]);
    if (passed > 0) busy += 1 - (now.idle - before[i].idle) / passed;
  });
  return busy;
}

function total({ user, nice, sys, idle, irq }: ProcessorTimes): number {
  return user + nice + sys + idle + irq;
}
