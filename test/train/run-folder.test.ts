// Run folders: one owner at a time, modes of opening, and a log that can be taken back.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StageSettings } from '../../src/methods/stage-settings.ts';
import { parseConfig } from '../../src/train/config.ts';
import { MetricsLog } from '../../src/train/metrics-log.ts';
import { holdToRecipe, type Recipe } from '../../src/train/recipe.ts';
import {
  lockRun,
  openRun,
  readRunConfig,
  removeLeftovers,
  runPaths,
} from '../../src/train/run-folder.ts';
import { temporaryFolder } from '../support/files.ts';

const inUse = { code: 'FM_RUN', message: expect.stringMatching(/in use by process \d+\. Wait/) };

/** A number that no process has. */
function deadProcess(): number {
  return spawnSync('true').pid;
}

/** Field 22 of /proc/<pid>/stat. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** Takes a folder that was left with this lock file. */
async function lockOver(content: string) {
  const folder = await temporaryFolder({ lock: content });
  const release = await lockRun(folder);
  expect(JSON.parse(await readFile(join(folder, 'lock'), 'utf8'))).toMatchObject({
    pid: process.pid,
  });
  await release();
  expect(await readdir(folder)).toEqual([]);
}

describe('lock', () => {
  test('a folder in use is refused, and free once it is let go', async () => {
    const folder = join(await temporaryFolder(), 'runs', 'new');
    const release = await lockRun(folder);
    await expect(lockRun(folder)).rejects.toMatchObject(inUse);
    await release();
    await (await lockRun(folder))();
  });

  test('the lock of a process that is gone is taken over', async () => {
    await lockOver(JSON.stringify({ pid: deadProcess(), started: '17', parent: process.pid }));
  });

  test('so is that of an earlier process with the number of a living one', async () => {
    await lockOver(JSON.stringify({ pid: process.pid, started: '17', parent: process.pid }));
  });

  test.each(['', '{"pid": 4', 'null', '7', '{}', '\0\0\0\0'])('and a torn one: %j', lockOver);

  test('of several that want a free or an abandoned folder one gets it', async () => {
    const stale = JSON.stringify({ pid: deadProcess(), started: '17', parent: process.pid });
    for (const left of [undefined, stale, '']) {
      const folder = await temporaryFolder(left === undefined ? {} : { lock: left });
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => lockRun(folder)));
      const refused = results.flatMap((r) => (r.status === 'rejected' ? [r.reason] : []));
      expect(refused).toHaveLength(5);
      for (const reason of refused) expect(reason).toMatchObject(inUse);
      expect(await readdir(folder)).toEqual(['lock']);
    }
  });

  test('the guard of a takeover that crashed is no obstacle for long', async () => {
    const stale = JSON.stringify({ pid: deadProcess(), started: '17', parent: process.pid });
    const folder = await temporaryFolder({ lock: stale, 'lock.takeover': '' });
    const before = new Date(Date.now() - 11_000);
    await utimes(join(folder, 'lock.takeover'), before, before);
    await (await lockRun(folder))();
    expect(await readdir(folder)).toEqual([]);
  });

  test('a trainer whose parent was killed is waited for', async () => {
    const holder = spawn('sleep', ['0.7']);
    const lock = { pid: holder.pid!, started: startOf(holder.pid!), parent: deadProcess() };
    const folder = await temporaryFolder({ lock: JSON.stringify(lock) });
    const release = await lockRun(folder);
    expect(holder.exitCode, 'the holder has ended by then').toBe(0);
    await release();
  });

  test('a place that cannot be written is FM_DISK', async () => {
    const root = await temporaryFolder({ file: '' });
    await expect(lockRun(join(root, 'file'))).rejects.toMatchObject({ code: 'FM_DISK' });
    await expect(lockRun(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'FM_DISK' });
  });
});

const config = parseConfig({ data: '/birds', epochs: 3, stage: { all: { rate: 0.1 } } });

const recipe: Recipe = {
  options: { margin: 0.5 },
  stages: { all: { epochs: 3, rate: 0.1 } as StageSettings },
};

/** A folder with a finished run. */
async function finishedRun(): Promise<string> {
  const folder = await temporaryFolder({
    'recipe.json': JSON.stringify(recipe),
    'metrics.jsonl': '{}\n',
    'checkpoint/state.safetensors': 'state',
    'model/model.onnx': 'model',
    'report.html': 'report',
    'notes.txt': 'mine',
  });
  await writeFile(runPaths(folder).config, JSON.stringify(config));
  return folder;
}

const everything = [
  'checkpoint',
  'config.json',
  'metrics.jsonl',
  'model',
  'notes.txt',
  'recipe.json',
  'report.html',
];

describe('opening', () => {
  test('a new run writes its configuration, only when told to begin', async () => {
    const folder = await temporaryFolder();
    const begin = await openRun(folder, config, 'new');
    expect(await readdir(folder)).toEqual([]);
    await begin(recipe);
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'recipe.json']);
    expect(await readRunConfig(folder)).toEqual(config);
    expect(JSON.parse(await readFile(runPaths(folder).recipe, 'utf8'))).toEqual(recipe);
  });

  test('new refuses a folder with a run', async () => {
    const folder = await finishedRun();
    await expect(openRun(folder, config, 'new')).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(/without a run, got a run\. .*--resume.*--overwrite/),
    });
    expect((await readdir(folder)).sort()).toEqual(everything);
  });

  test('resume needs a run', async () => {
    await expect(openRun(await temporaryFolder(), config, 'resume')).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('a run to resume, got none'),
    });
  });

  test('resume keeps everything, and allows settings that do not change the result', async () => {
    const folder = await finishedRun();
    await (
      await openRun(folder, { ...config, workers: 3, checkpointEvery: 5, offline: true }, 'resume')
    )(recipe);
    expect((await readdir(folder)).sort()).toEqual(everything);
  });

  test('defaults that are others by now are refused and named', async () => {
    const path = runPaths(await finishedRun()).recipe;
    await holdToRecipe(path, recipe);
    const gentle = { epochs: 3, rate: 0.05, clip: 1 } as StageSettings;
    await expect(holdToRecipe(path, { ...recipe, stages: { all: gentle } })).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(
        /recipe\.json: expected .*\(stages\.all\.rate=0\.1, stages\.all\.clip=none\), got stages\.all\.rate=0\.05, stages\.all\.clip=1\. Defaults/,
      ),
    });
    const narrow = { ...recipe, options: { margin: 0.4 } };
    await expect(holdToRecipe(path, narrow)).rejects.toThrow(/options.margin=/);
  });

  test('a recipe that is damaged or missing', async () => {
    const path = runPaths(await finishedRun()).recipe;
    const refused = /recipe\.json: expected a recipe in JSON, got/;
    await writeFile(path, '{"stages": ');
    await expect(holdToRecipe(path, recipe)).rejects.toThrow(refused);
    await rm(path);
    await expect(holdToRecipe(path, recipe)).rejects.toThrow(refused);
  });

  test('a run from before there was a choice of lowering ran portable graphs', async () => {
    const folder = await temporaryFolder();
    const { lowering: _, device: __, ...old } = config;
    await writeFile(join(folder, 'config.json'), JSON.stringify(old));
    expect(await readRunConfig(folder)).toMatchObject({ device: 'cpu', lowering: 'portable' });
  });

  test('resume names the settings that differ, old and new', async () => {
    const folder = await finishedRun();
    const other = { ...config, seed: 4, stage: { all: { rate: 0.2 } }, threads: 2 };
    await expect(openRun(folder, other, 'resume')).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(
        /\(.*seed=0.*stage=\{"all":\{"rate":0\.1\}\}.*\), got .*seed=4.*stage=.*0\.2.*threads=2/,
      ),
    });
    await expect(openRun(folder, other, 'resume')).rejects.not.toMatchObject({
      message: expect.stringContaining('epochs'),
    });
  });

  test('resume with a configuration that is damaged', async () => {
    const folder = await finishedRun();
    await writeFile(runPaths(folder).config, '{"data": ');
    await expect(openRun(folder, config, 'resume')).rejects.toMatchObject({ code: 'FM_RUN' });
    await writeFile(runPaths(folder).config, '{"data": "d", "sizzle": 3}');
    await expect(openRun(folder, config, 'resume')).rejects.toThrow(/"sizzle"/);
  });

  test("overwrite replaces the run's own files when told to begin, and no others", async () => {
    const folder = await finishedRun();
    const begin = await openRun(folder, { ...config, seed: 4 }, 'overwrite');
    expect((await readdir(folder)).sort()).toEqual(everything);
    await begin(recipe);
    expect((await readdir(folder)).sort()).toEqual([
      'checkpoint',
      'config.json',
      'notes.txt',
      'recipe.json',
    ]);
    expect(await readdir(join(folder, 'checkpoint'))).toEqual([]);
    expect((await readRunConfig(folder)).seed).toBe(4);
  });

  test('a folder without a run has no configuration to read', async () => {
    await expect(readRunConfig('/nowhere')).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('/nowhere: expected a run folder with config.json'),
    });
  });
});

test('temporary files of writers that were killed are removed', async () => {
  const folder = await temporaryFolder({
    'config.json.12.tmp': '',
    'checkpoint/state.safetensors': '',
    'checkpoint/state.safetensors.345.tmp': '',
    'model/model.onnx.6.tmp': '',
    'mine.tmp': '',
  });
  await removeLeftovers(folder);
  expect((await readdir(folder, { recursive: true })).sort()).toEqual([
    'checkpoint',
    'checkpoint/state.safetensors',
    'mine.tmp',
    'model',
  ]);
  await removeLeftovers(join(folder, 'not-there'));
});

test('metrics are appended and cut back to a length', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'metrics.jsonl');
  const log = new MetricsLog(path);
  expect(await log.length()).toBe(0);
  await log.cutTo(0);
  await log.append({ step: 0, loss: 1.5 });
  const kept = await log.length();
  await log.append({ step: 1, loss: null });
  await writeFile(path, '{"step": 2, "lo', { flag: 'a' });
  await log.cutTo(kept);
  expect(await readFile(path, 'utf8')).toBe('{"step":0,"loss":1.5}\n');
  await log.cutTo(kept + 100);
  expect(await log.length()).toBe(kept);
  await expect(new MetricsLog('/dev/full').append({ step: 0 })).rejects.toMatchObject({
    code: 'FM_DISK',
  });
});
