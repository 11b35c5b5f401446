// Locks of files: who comes second is asked again and again until the first lets go. What is left by
// processes that are gone is tested with the locks of run folders.

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { takeLock } from '../../src/formats/lock-file.ts';
import { temporaryFolder } from '../support/files.ts';
import { smallDisk } from '../support/small-disk.ts';

test('the second waits until the first lets go, or gives up', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'lock');
  const release = await takeLock(path, () => {});
  let asked = 0;
  const second = takeLock(path, ({ pid }) => {
    expect(pid).toBe(process.pid);
    if (++asked === 2) void release();
  });
  const releaseSecond = await second;
  expect(asked).toBeGreaterThanOrEqual(2);
  const tired = new Error('tired');
  const third = takeLock(path, () => {
    throw tired;
  });
  await expect(third).rejects.toBe(tired);
  expect(await readdir(folder), 'the lock stays with its owner').toEqual(['lock']);
  await releaseSecond();
  expect(await readdir(folder)).toEqual([]);
});

test('on a full disk no lock is left behind', async (context) => {
  const disk = await smallDisk(4);
  if (disk === undefined) return context.skip();
  await writeFile(join(disk.folder, 'full'), new Uint8Array(4096));
  await expect(takeLock(join(disk.folder, 'lock'), () => {})).rejects.toMatchObject({
    code: 'FM_DISK',
  });
  expect(await readdir(disk.folder)).toEqual(['full']);
});
