// A disk that is soon full, for tests that may mount one.

import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './files.ts';

export interface SmallDisk {
  readonly folder: string;
  /** Changes its size to so many kilobytes. */
  resize(kilobytes: number): void;
}

/** A disk of so many kilobytes for the length of the test; undefined without the right to mount. */
export async function smallDisk(kilobytes: number): Promise<SmallDisk | undefined> {
  const folder = join(await temporaryFolder(), 'disk');
  await mkdir(folder);
  const problem = mount(`size=${Math.ceil(kilobytes)}k`, folder);
  if (problem !== undefined) {
    console.log(`skipped: a small disk cannot be mounted here (${problem})`);
    return undefined;
  }
  onTestFinished(() => {
    spawnSync('umount', [folder]);
  });
  return { folder, resize: (size) => void mount(`remount,size=${Math.ceil(size)}k`, folder) };
}

/** What went wrong, or undefined. */
function mount(options: string, folder: string): string | undefined {
  const args = ['-t', 'tmpfs', '-o', options, 'tmpfs', folder];
  const { status, error, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}
