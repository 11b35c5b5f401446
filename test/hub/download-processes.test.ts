// Several processes and one cache: both at once, one that is killed, and a disk that is full.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { download } from '../../src/hub/download.ts';
import { startScript } from '../support/command.ts';
import { type FileServer, file, fileServer } from '../support/file-server.ts';
import { temporaryFolder } from '../support/files.ts';
import { smallDisk } from '../support/small-disk.ts';

const url = 'https://files.test/net.bin';
const content = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251);
const sha256 = createHash('sha256').update(content).digest('hex');
const requestFor = (target: string) => ({ url, target, label: 'net.bin', sha256, limit: 1e7 });

/** Downloads in a process of its own, which says the file's SHA-256 in the end. */
function startDownload(server: FileServer, target: string) {
  return startScript(`
    import { download } from './src/hub/download.ts';
    import { fetchFrom } from './test/support/fetch-from.ts';
    const options = { fetch: fetchFrom(${server.port}), note: (text) => console.error(text) };
    console.log(await download(${JSON.stringify(requestFor(target))}, options));`);
}

async function mustBeWhole(target: string): Promise<void> {
  expect(Buffer.from(content).equals(await readFile(target))).toBe(true);
}

test('of two processes at once one fetches, and the other waits for it', async () => {
  const server = await fileServer();
  let answer = () => {};
  server.at(url, (request, response) => {
    answer = () => file(content)(request, response);
  });
  const folder = await temporaryFolder();
  const target = join(folder, 'net.bin');
  const both = [0, 1].map(() => startDownload(server, target));
  const waiting = () => both.filter(({ stderr }) => /waiting for process \d+/.test(stderr()));
  while (waiting().length === 0 || server.asked.length === 0) {
    for (const { process, stderr } of both) expect(process.exitCode, stderr()).toBe(null);
    await sleep(20);
  }
  answer();
  for (const { status, stdout, stderr } of await Promise.all(both.map(({ ended }) => ended))) {
    expect(status, stderr).toBe(0);
    expect(stdout.trim()).toBe(sha256);
  }
  expect(waiting()).toHaveLength(1);
  expect(server.asked).toHaveLength(1);
  await mustBeWhole(target);
  expect(await readdir(folder)).toEqual(['net.bin']);
});

test('killed in the middle, the next process takes over and goes on', async () => {
  const server = await fileServer();
  server.at(url, file(content, { cut: 1_000_000, hang: true }), file(content));
  const folder = await temporaryFolder();
  const target = join(folder, 'net.bin');
  const first = startDownload(server, target);
  while (!existsSync(`${target}.part`) || (await readFile(`${target}.part`)).length < 1_000_000) {
    expect(first.process.exitCode, first.stderr()).toBe(null);
    await sleep(20);
  }
  first.process.kill('SIGKILL');
  await first.ended;
  expect((await readdir(folder)).sort()).toEqual([
    'net.bin.lock',
    'net.bin.part',
    'net.bin.part.json',
  ]);
  const { status, stdout, stderr } = await startDownload(server, target).ended;
  expect(status, stderr).toBe(0);
  expect(stdout.trim()).toBe(sha256);
  expect(server.asked[1].headers.range).toBe('bytes=1000000-');
  await mustBeWhole(target);
  expect(await readdir(folder)).toEqual(['net.bin']);
});

test('a full disk is one clear error, and room lets it go on', async (context) => {
  const disk = await smallDisk(1000);
  if (disk === undefined) return context.skip();
  const server = await fileServer();
  server.at(url, file(content));
  const target = join(disk.folder, 'net.bin');
  await expect(download(requestFor(target), { fetch: server.fetch })).rejects.toMatchObject({
    code: 'FM_DISK',
    message: expect.stringMatching(/net\.bin: expected .* got a full disk\. Free some space/),
  });
  expect(await readdir(disk.folder)).toEqual([]);
  disk.resize(10_000);
  await download(requestFor(target), { fetch: server.fetch });
  await mustBeWhole(target);
});
