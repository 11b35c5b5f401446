// Our side of the protocol in contestant.ts: announces itself, then answers each "go".

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Ready, Repetition } from './contestant.ts';

/** Work that is ready to be timed. */
export interface Prepared {
  /** Milliseconds to create the session, where there is one. */
  readonly createMs?: number;
  /** Does the work once and returns the milliseconds a unit of it. */
  repeat(): Promise<number>;
  close(): Promise<void>;
}

/** Answers until standard input ends. */
export async function serve(prepared: Prepared): Promise<void> {
  say({ ready: true, createMs: prepared.createMs });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'go') say({ ms: await prepared.repeat(), peakMb: peakMegabytes() });
  }
  await prepared.close();
}

/**
 * Milliseconds a call, their mean: one call that does not count where there are several, then up to
 * `calls` of them, fewer when a second is over.
 */
export async function timed(call: () => Promise<unknown>, calls = 1): Promise<number> {
  if (calls > 1) await call();
  const began = performance.now();
  let done = 0;
  let elapsed = 0;
  while (done < calls && elapsed < 1000) {
    await call();
    done++;
    elapsed = performance.now() - began;
  }
  return elapsed / done;
}

/** Largest resident memory of this process, in MB of 10^6 bytes. */
export function peakMegabytes(): number {
  try {
    // unlike getrusage, it does not count what the parent held when it started this process
    const peak = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (peak !== null) return (Number(peak[1]) * 1024) / 1e6;
  } catch {
    // not Linux
  }
  return (process.resourceUsage().maxRSS * 1024) / 1e6;
}

function say(message: Ready | Repetition): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
