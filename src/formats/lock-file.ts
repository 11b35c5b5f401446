// A file that says which process works here: one at a time, taken over from one that is gone.

import { readFileSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskError } from './atomic-file.ts';

/** The process that holds a lock, as the file says it in JSON. */
export interface LockHolder {
  readonly pid: number;
  /** Distinguishes a process from a later one with the same number; empty where unknown. */
  readonly started: string;
  /** The process that started the holder. */
  readonly parent: number;
}

/**
 * Creates the lock file, in a folder that exists. `busy` is called again and again, every fifth of
 * a second, while a living process holds the lock: it throws to stop waiting. Returns the function
 * that lets go.
 */
export async function takeLock(
  path: string,
  busy: (holder: LockHolder) => void,
): Promise<() => Promise<void>> {
  const self: LockHolder = {
    pid: process.pid,
    started: startTime(process.pid),
    parent: process.ppid,
  };
  for (;;) {
    if (await tryCreate(path, JSON.stringify(self))) return () => rm(path, { force: true });
    const { identity, holder } = await readLock(path);
    if (holder === undefined || !isAlive(holder)) {
      await removeStale(path, identity);
      continue;
    }
    busy(holder);
    await sleep(200);
  }
}

async function tryCreate(path: string, content: string): Promise<boolean> {
  let created = false;
  try {
    const file = await open(path, 'wx');
    created = true;
    await file.writeFile(content).finally(() => file.close());
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    if (created) await rm(path, { force: true }).catch(() => {});
    throw diskError(path, cause);
  }
}

interface LockFile {
  /** Tells this file from one that another process has put in its place; empty when it is gone. */
  readonly identity: string;
  /** Undefined when the file is gone or was cut short by a crash. */
  readonly holder: LockHolder | undefined;
}

async function readLock(path: string): Promise<LockFile> {
  const first = await readLockOnce(path);
  if (first.holder !== undefined) return first;
  // a lock that is being written right now becomes readable at once; a torn one never does
  await sleep(100);
  return await readLockOnce(path);
}

async function readLockOnce(path: string): Promise<LockFile> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return { identity: '', holder: undefined };
  try {
    const { ino, mtimeMs } = await file.stat();
    const text = await file.readFile('utf8');
    return { identity: `${ino} ${mtimeMs} ${text}`, holder: parseHolder(text) };
  } finally {
    await file.close();
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(text) as LockHolder | null;
    return typeof holder?.pid === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds after which a guard, held for a few of them, must be that of a crashed process. */
const GUARD_AGE = 10_000;

/** Removes the lock that was read as stale, under a guard: only one process does so at a time. */
async function removeStale(path: string, identity: string): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await tryCreate(guard, ''))) {
    const made = await stat(guard).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > GUARD_AGE) await rm(guard, { force: true });
    await sleep(20);
    return;
  }
  try {
    if ((await readLockOnce(path)).identity === identity) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** True while there is a process with this number. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isAlive({ pid, started }: LockHolder): boolean {
  return processExists(pid) && startTime(pid) === started;
}

/** Start time of a process in clock ticks, from /proc; empty on systems without it. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
