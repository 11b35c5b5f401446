// Atomic writes: a reader sees the old file or the new one, whatever interrupts the writer.

import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import { diskError, openAtomic, writeAtomic } from '../../src/formats/atomic-file.ts';
import { temporaryFolder } from '../support/files.ts';
import { smallDisk } from '../support/small-disk.ts';

test('text, bytes and pieces, into folders that do not exist yet', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a', 'b', 'file');
  for (const content of ['grün', new TextEncoder().encode('grün')]) {
    await writeAtomic(path, content);
    expect(await readFile(path, 'utf8')).toBe('grün');
  }
  await writeAtomic(path, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
  expect([...(await readFile(path))]).toEqual([1, 2, 3]);
  expect(await readdir(join(folder, 'a', 'b'))).toEqual(['file']);
});

test('a write that fails half way leaves the old file and nothing else', async () => {
  const folder = await temporaryFolder({ file: 'old' });
  const path = join(folder, 'file');
  const broken = [new Uint8Array(100_000), null as unknown as Uint8Array];
  await expect(writeAtomic(path, broken)).rejects.toThrow(TypeError);
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['file']);
});

test('a rename that fails leaves nothing behind', async () => {
  const folder = await temporaryFolder({ 'taken/inside': 'old' });
  await expect(writeAtomic(join(folder, 'taken'), 'new')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['taken']);
  expect(await readFile(join(folder, 'taken', 'inside'), 'utf8')).toBe('old');
});

test('a file that is written piece by piece has its name when it is whole, or leaves nothing', async () => {
  const folder = await temporaryFolder({ file: 'old' });
  const path = join(folder, 'file');
  const file = await openAtomic(path);
  await file.write('a');
  await file.write('b');
  expect(await readFile(path, 'utf8')).toBe('old');
  await file.commit();
  expect(await readFile(path, 'utf8')).toBe('ab');
  const dropped = await openAtomic(path);
  await dropped.write('c');
  await dropped.discard();
  expect(await readFile(path, 'utf8')).toBe('ab');
  expect(await readdir(folder)).toEqual(['file']);
});

test('a folder of that name and a name too long are FM_DISK, before anything is written', async () => {
  const folder = await temporaryFolder({ 'taken/inside': 'old' });
  const error = (path: string) => openAtomic(path).catch((cause: unknown) => cause);
  expect(await error(join(folder, 'taken'))).toMatchObject({
    code: 'FM_DISK',
    message: expect.stringContaining('got a folder of that name'),
  });
  expect(await error(join(folder, 'x'.repeat(300)))).toMatchObject({
    code: 'FM_DISK',
    message: expect.stringContaining('got a name that is too long'),
  });
  expect(await readdir(folder)).toEqual(['taken']);
});

test('a writer that is killed leaves the old file', async () => {
  const folder = await temporaryFolder({ file: 'old' });
  const path = join(folder, 'file');
  const module = new URL('../../src/formats/atomic-file.ts', import.meta.url).href;
  // the second piece is reached when the first is on disk under its temporary name
  const script = `
    import { writeAtomic } from ${JSON.stringify(module)};
    const pieces = [new Uint8Array(1e6)];
    Object.defineProperty(pieces, 1, { get: () => process.kill(process.pid, 'SIGKILL') });
    await writeAtomic(${JSON.stringify(path)}, pieces);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(signal, stderr).toBe('SIGKILL');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect((await readdir(folder)).filter((name) => !name.endsWith('.tmp'))).toEqual(['file']);
});

test('a file in the place of a folder is FM_DISK', async () => {
  const folder = await temporaryFolder({ file: 'old' });
  await expect(writeAtomic(join(folder, 'file', 'below'), 'x')).rejects.toMatchObject({
    code: 'FM_DISK',
    message: expect.stringContaining('a file where a folder is needed'),
  });
});

test('a full device says so', async () => {
  const cause = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
  const error = diskError('/run/checkpoint', cause);
  expect(error).toBeInstanceOf(FieldmarkError);
  expect((error as Error).message).toMatch(
    /^\/run\/checkpoint: expected .*, got a full disk\. Free/,
  );
  const other = new Error('not of the disk');
  expect(diskError('/x', other)).toBe(other);
});

test('a full disk keeps the old file and leaves no temporary one', async (context) => {
  const disk = await smallDisk(256);
  if (disk === undefined) return context.skip();
  const { folder } = disk;
  const path = join(folder, 'checkpoint');
  const old = new Uint8Array(100_000).fill(7);
  await writeAtomic(path, old);
  const error = await writeAtomic(path, new Uint8Array(1_000_000)).catch((cause: unknown) => cause);
  expect(error).toMatchObject({
    code: 'FM_DISK',
    message: expect.stringContaining(
      `${path}: expected a place that can be written, got a full disk`,
    ),
  });
  expect(Buffer.from(old).equals(await readFile(path))).toBe(true);
  expect(await readdir(folder)).toEqual(['checkpoint']);
  await writeAtomic(path, 'there is room again');
  expect(await readFile(path, 'utf8')).toBe('there is room again');
});
