// A run whose numbers stop being numbers ends with the last epoch that had some, and says so.

import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import type { RunConfigInput } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { command } from '../support/command.ts';
import { metricsOf, tinySettings, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);

/** Fine in the first epoch, and a rate beyond all bounds from the second on. */
const { batch } = tinySettings.stage.all;
const all = { batch, rate: 0.02, clip: 0, schedule: { kind: 'step', at: [1], factor: 1e30 } };
const wild: Partial<RunConfigInput> = { epochs: 3, stage: { all } };

test('the first epoch is kept, calibrated and exported', async () => {
  const events: TrainEvent[] = [];
  const run = place('second');
  const summary = await trainHere(world.data, run, wild, { onEvent: (e) => events.push(e) });

  expect(summary.stages).toEqual([{ stage: 'all', epoch: 1, top1: expect.any(Number) }]);
  expect(summary.diverged).toEqual([
    { stage: 'all', refit: false, epoch: 2, kept: 1, text: expect.any(String) },
  ]);
  const { text } = summary.diverged[0];
  expect(text).toMatch(/^stage 'all' diverged in epoch 2: .*(NaN|Infinity).*epoch 1 is kept/);
  expect(summary.findings).toEqual([text]);
  expect(events).toContainEqual({ kind: 'note', text });
  expect((await metricsOf(run)).at(-1)).toEqual({ stage: 'all', refit: false, finding: text });

  const recogniser = await loadRecogniser(run);
  expect(recogniser.manifest.trained.findings).toEqual([text]);
  expect(recogniser.manifest.golden.logits.every(Number.isFinite)).toBe(true);
  await recogniser.close();

  const once = place('first');
  const first = { ...wild, epochs: 1 };
  await trainHere(world.data, once, first);
  const model = (folder: string) => readFile(join(runPaths(folder).model, 'model.onnx'));
  expect((await model(run)).equals(await model(once))).toBe(true);
});

test('a refit trains for as many epochs as were kept', async () => {
  const run = place('refit');
  const summary = await trainHere(world.data, run, { ...wild, refit: true });
  expect(summary.diverged).toMatchObject([{ refit: false, epoch: 2, kept: 1 }]);
  const refits = (await metricsOf(run)).filter((line) => line.refit && 'epochs' in line);
  expect(refits).toMatchObject([{ epoch: 1, epochs: 1, loss: expect.any(Number) }]);
});

test('the command says so, in its status and in JSON, and the finished run says it again', async () => {
  const run = place('command');
  const settings = Object.entries({ ...all, schedule: undefined }).flatMap(([key, value]) =>
    value === undefined ? [] : ['--set', `stages.all.${key}=${value}`],
  );
  const schedule = ['kind="step"', 'at=[1]', 'factor=1e30'];
  const set = schedule.flatMap((one) => ['--set', `stages.all.schedule.${one}`]);
  const common = ['train', '--data', world.data, '--weights', 'none', '--out', run, '--size', '32'];
  const args = [...common, '--epochs', '3', '--workers', '0', ...settings, ...set, '--json'];
  for (const more of [[], ['--resume']]) {
    const { status, json, stderr, stdout } = await command(...args, ...more);
    expect(status, stderr).toBe(1);
    expect(json).toMatchObject({ diverged: [{ stage: 'all', epoch: 2, kept: 1 }] });
    expect(stdout + stderr).toMatch(/diverged in epoch 2.*Start a new run with a lower rate/);
    expect(stderr).not.toMatch(/defect/);
  }
  const predicted = await command('predict', run, join(world.data, await somePhoto()), '--json');
  expect(predicted.status, predicted.stderr).toBe(0);
});

test('in the first epoch there is nothing to keep: an error, and no model', async () => {
  const run = place('never');
  const stage = { all: { ...all, rate: 1e30 } };
  await expect(trainHere(world.data, run, { ...wild, stage })).rejects.toMatchObject({
    code: 'FM_TRAINING',
    message: expect.stringMatching(
      /^stage 'all', epoch 1: expected finite numbers, got .*\. Start a new run with a lower rate/,
    ),
  });
  await expect(access(runPaths(run).model)).rejects.toThrow();
});

async function somePhoto(): Promise<string> {
  const images = await readFile(join(world.data, 'images.txt'), 'utf8');
  return join('images', images.split('\n')[0].split(' ')[1]);
}
