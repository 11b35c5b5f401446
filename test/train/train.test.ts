// Training from photographs to a model, as a caller sees it: what it leaves, that it repeats
// exactly, that it can be stopped and continued, and that the caller stays responsive.

import { access, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { readRunConfig, runPaths } from '../../src/train/run-folder.ts';
import { TrainingStopped } from '../../src/train/train.ts';
import {
  metricsOf,
  resultOf,
  saveBackbone,
  tinySettings,
  tinyWorld,
  trainHere,
  trainTiny,
} from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);

/** Mean loss of each epoch of a stage. */
async function lossesOf(run: string, stage: string): Promise<number[]> {
  const lines = await metricsOf(run);
  return lines.flatMap((l) => (l.stage === stage && 'epoch' in l ? [Number(l.loss)] : []));
}

/** Files of a run, without folders. */
async function filesOf(run: string): Promise<string[]> {
  const entries = await readdir(run, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(run.length + 1)).sort();
}

describe('from random numbers', () => {
  const run = () => place('plain');

  test('it trains, and leaves configuration, metrics, checkpoint and model', async () => {
    const events: TrainEvent[] = [];
    let ticks = 0;
    const timer = setInterval(() => ticks++, 20);
    const summary = await trainTiny(world.data, run(), {}, { onEvent: (e) => events.push(e) });
    clearInterval(timer);

    expect(summary).toMatchObject({
      folder: run(),
      classes: 4,
      trainImages: 44,
      valSource: 'held-out',
      valTop1: expect.any(Number),
      stages: [{ stage: 'all', epoch: expect.any(Number), top1: summary.valTop1 }],
    });
    expect(await filesOf(run())).toEqual([
      'checkpoint/state.safetensors',
      'config.json',
      'metrics.jsonl',
      'model/fieldmark.json',
      'model/model.onnx',
      'recipe.json',
    ]);
    const recipe = JSON.parse(await readFile(runPaths(run()).recipe, 'utf8'));
    expect(recipe).toMatchObject({ stages: { all: { epochs: 4, smoothing: expect.any(Number) } } });
    expect(await readRunConfig(run())).toMatchObject({ ...tinySettings, data: world.data });
    expect(events.filter(({ kind }) => kind === 'epoch')).toHaveLength(4);
    expect(events.filter(({ kind }) => kind === 'progress').length).toBeGreaterThan(20);
    expect(events).toContainEqual({
      kind: 'note',
      text: expect.stringContaining('random numbers'),
    });

    // training happens elsewhere: this process keeps answering
    expect(ticks).toBeGreaterThan(20);
  });

  test('metrics hold every step and epoch, and the loss goes down', async () => {
    const lines = await metricsOf(run());
    const steps = lines.filter((line) => 'step' in line);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const { loss, rate, gradientNorm } of steps) {
      expect([loss, rate, gradientNorm].every(Number.isFinite)).toBe(true);
    }
    const losses = await lossesOf(run(), 'all');
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]);
  });

  test('the same seed gives the same bytes, in this thread or with several loaders', async () => {
    const expected = await resultOf(run());
    for (const workers of [0, 2]) {
      const again = place(`workers-${workers}`);
      await trainHere(world.data, again, { workers });
      expect(await resultOf(again), `${workers} workers`).toEqual(expected);
    }
  });

  test('another seed gives another model', async () => {
    const other = place('other-seed');
    await trainHere(world.data, other, { seed: 2, epochs: 1 });
    const { '/model/model.onnx': model } = await resultOf(other);
    expect(model).not.toBe((await resultOf(run()))['/model/model.onnx']);
  });

  test('a folder with a run is refused, and left as it is', async () => {
    const before = await resultOf(run());
    await expect(trainTiny(world.data, run())).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('--overwrite'),
    });
    expect(await resultOf(run())).toEqual(before);
  });

  test.each([
    ['an unknown stage', { stages: 'heads' }, /stages: expected one of all/],
    ['a head without features', { stages: 'head' }, /pass --weights/],
    ['settings of a stage that is none', { stage: { al: { epochs: 1 } } }, /^stages\.al: .*'al'/],
    [
      'an optimiser that is none',
      { stage: { all: { optimiser: { kind: 'lion' } } } },
      /^stages\.all\.optimiser\.kind: /,
    ],
    ['an unknown option of the method', { options: { drop: 1 } }, /"drop"/],
  ])('%s is found out before an old run is overwritten', async (_what, changes, message) => {
    const before = await resultOf(run());
    const failing = trainHere(world.data, run(), changes, { mode: 'overwrite' });
    await expect(failing).rejects.toMatchObject({
      code: 'FM_CONFIG',
      message: expect.stringMatching(message),
    });
    expect(await resultOf(run())).toEqual(before);
  });

  test('stopped after a checkpoint and resumed, it ends with the same bytes', async () => {
    const stopped = place('stopped');
    for (const [mode, steps] of [
      ['new', 2],
      ['resume', 10],
    ] as const) {
      const stop = new AbortController();
      let seen = 0;
      const onEvent = (event: TrainEvent) => {
        const isStep = event.kind === 'progress' && event.task.startsWith('all');
        if (isStep && ++seen === steps) stop.abort();
      };
      await expect(
        trainTiny(world.data, stopped, {}, { mode, onEvent, signal: stop.signal }),
      ).rejects.toBeInstanceOf(TrainingStopped);
      expect(await filesOf(stopped)).toContain('checkpoint/state.safetensors');
      expect(await filesOf(stopped)).not.toContain('lock');
    }
    const notes: string[] = [];
    const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
    await trainTiny(world.data, stopped, {}, { mode: 'resume', onEvent });
    expect(notes).toContainEqual(
      expect.stringMatching(/^resumed at phase 1, epoch [1-3], step \d$/),
    );
    expect(await resultOf(stopped)).toEqual(await resultOf(run()));
  });

  test('a finished run that is resumed writes its model again, and clears up', async () => {
    const before = await resultOf(run());
    const files = await filesOf(run());
    await rm(runPaths(run()).model, { recursive: true });
    // whatever the defaults are by now
    await writeFile(runPaths(run()).recipe, '{"stages": {}}');
    await writeFile(`${runPaths(run()).checkpoint}.4711.tmp`, 'of a writer that was killed');
    await trainHere(world.data, run(), {}, { mode: 'resume' });
    expect(await resultOf(run())).toEqual(before);
    expect(await filesOf(run())).toEqual(files);
  });

  test('a run whose stages or recipe were others is not gone on with', async () => {
    const [begun, other] = [place('begun'), place('other')];
    const stop = new AbortController();
    const onEvent = (event: TrainEvent) => void (event.kind === 'epoch' && stop.abort());
    const stopped = trainTiny(world.data, begun, {}, { onEvent, signal: stop.signal });
    await expect(stopped).rejects.toBeInstanceOf(TrainingStopped);
    await cp(begun, other, { recursive: true });
    const goOn = (out: string) => trainHere(world.data, out, {}, { mode: 'resume' });

    const recipe = await readFile(runPaths(begun).recipe, 'utf8');
    await writeFile(runPaths(begun).recipe, recipe.replace('"rate": 0.02', '"rate": 0.5'));
    await expect(goOn(begun)).rejects.toThrow(/recipe.json: .*stages.all.rate=0.5\), got .*0.02/);

    const path = runPaths(other).checkpoint;
    const { progress, ...tensors } = (await loadCheckpoint(path))!;
    const chosen = [{ stage: 'head', epoch: 1, top1: 1, loss: 0 }];
    await saveCheckpoint(path, { ...tensors, progress: { ...progress, part: 1, chosen } });
    await expect(goOn(other)).rejects.toThrow(
      /of the stages all, got .* 1 phases behind it .* head/,
    );
  });

  test('a signal that is aborted beforehand stops at once', async () => {
    const signal = AbortSignal.abort();
    const out = place('never');
    await expect(trainTiny(world.data, out, {}, { signal })).rejects.toBeInstanceOf(
      TrainingStopped,
    );
    await expect(access(runPaths(out).model)).rejects.toThrow();
  });
});

describe('from trained numbers', () => {
  const weights = () => place('tiny.safetensors');

  test('a head on cached features, again on all of train', async () => {
    await saveBackbone(place('plain'), weights());
    const changes = { weights: weights(), stages: 'head', epochs: 20, refit: true };
    const summary = await trainHere(world.data, place('head'), changes);
    expect(summary).toMatchObject({ trainImages: 48, stages: [{ stage: 'head' }] });
    const losses = await lossesOf(place('head'), 'head');
    expect(losses).toHaveLength(20 + summary.stages[0].epoch);
    expect(losses[19]).toBeLessThan(losses[0]);
    const cached = await readdir(place('cache/features'), { recursive: true });
    expect(cached.some((name) => name.endsWith('.safetensors'))).toBe(true);

    // a second run reads them, and nothing else changes
    const tasks = new Set<string>();
    const onEvent = (event: TrainEvent) =>
      void (event.kind === 'progress' && tasks.add(event.task));
    await trainHere(world.data, place('head-2'), changes, { onEvent });
    expect([...tasks]).not.toContain('features');
    expect(await resultOf(place('head-2'))).toEqual(await resultOf(place('head')));
  });

  test('both stages with refit, and levels in the predictions', async () => {
    const changes = { weights: weights(), stages: 'all', epochs: 2, refit: true };
    const { stages, trainImages } = await trainTiny(world.data, place('both'), changes);
    expect(stages.map(({ stage }) => stage)).toEqual(['head', 'all']);
    expect(trainImages).toBe(48);
    const names = (await metricsOf(place('both'))).map((l) => `${l.refit} ${l.stage}`);
    expect([...new Set(names)]).toEqual(['false head', 'false all', 'true head', 'true all']);
    const recogniser = await loadRecogniser(place('both'));
    const images = await readFile(join(world.data, 'images.txt'), 'utf8');
    const photo = join(world.data, 'images', images.split('\n')[0].split(' ')[1]);
    const { answers, levels } = await recogniser.predict(photo);
    expect(answers.map(({ name }) => name).sort()).toEqual([...recogniser.manifest.classes].sort());
    expect(levels).toMatchObject([{ level: 'genus', name: expect.any(String) }]);
    expect(recogniser.manifest).toMatchObject({
      backbone: 'resnet_tiny',
      method: 'finetune',
      trained: { images: 48, seed: 1 },
      weights: { source: weights(), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await recogniser.close();
  });
});
