// Nothing is sent anywhere: the engine's reports to its vendor are off before it is loaded. Where they
// are on, a process leaves a log in the temporary folder and a database in the cache, and looks the
// vendor's server up.

import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startCommand, startScript } from '../support/command.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const run = () => place('run');
const photo = () => join(world.data, 'images');

beforeAll(async () => {
  await trainHere(world.data, run(), { epochs: 1 });
});

/** The environment of a person, whose folders are empty; runs of CI report nothing by themselves. */
async function person(name: string) {
  const folders = { HOME: place(`${name}/home`), TMPDIR: place(`${name}/tmp`) };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  const none = { CI: undefined, ORT_DISABLE_TELEMETRY: undefined, XDG_CACHE_HOME: undefined };
  return { ...folders, ...none, TSX_DISABLE_CACHE: '1' };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

async function somePhoto(): Promise<string> {
  const names = await readdir(photo(), { recursive: true });
  return join(photo(), names.find((name) => name.endsWith('.jpg'))!);
}

const tracer = spawnSync('strace', ['-V']).status === 0;
if (!tracer)
  console.log('telemetry: calls of the network are not traced, because there is no strace');

describe('nothing is reported', () => {
  test.each([
    ['predict', async () => ['predict', run(), await somePhoto(), '--json']],
    [
      'train',
      async () => [
        ...['train', '--data', world.data, '--out', place('again'), '--weights', 'none'],
        ...['--epochs', '1', '--size', '32', '--offline', '--json'],
      ],
    ],
  ])('%s leaves no file and calls nobody', async (name, args) => {
    const env = await person(name);
    const log = place(`${name}.trace`);
    const trace = ['strace', '-f', '-qq', '-e', 'trace=connect,sendto,sendmsg,sendmmsg', '-o', log];
    const { ended } = startCommand(await args(), { env, under: tracer ? trace : [] });
    const { status, stderr, json } = await ended;
    expect(status, stderr).toBe(0);
    expect(json).toBeDefined();
    expect(await filesBelow(env.TMPDIR)).toEqual([]);
    expect(await filesBelow(env.HOME)).toEqual([]); // the cache is elsewhere
    if (!tracer) return;
    const calls = (await readFile(log, 'utf8')).split('\n');
    expect(calls.filter((line) => /AF_INET|sin_port/.test(line))).toEqual([]);
  });

  test('a thread in which it cannot be turned off is refused', async () => {
    const script = `
      import { pathToFileURL } from 'node:url';
      import { Worker } from 'node:worker_threads';
      const module = pathToFileURL('src/runtime/node.ts').href;
      const code = \`import('tsx/esm/api').then(({ tsImport }) => tsImport('\${module}', '\${module}'))
        .catch(({ message }) => console.log(message))\`;
      for (const env of [{}, { ORT_DISABLE_TELEMETRY: '1' }]) {
        const worker = new Worker(code, { eval: true, env });
        await new Promise((done) => worker.on('exit', done));
      }`;
    const { stdout, stderr } = await startScript(script).ended;
    expect(stdout, stderr).toMatch(
      /^worker thread: expected the environment variable ORT_DISABLE_TELEMETRY=1.*\n$/,
    );
  });
});
