// Settings of a stage in whole runs: averaged weights, mixed images, passes, and the schedule that
// watches validation. With all of them at once a run resumes exactly.

import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../src/core/tensor.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig, type RunConfigInput } from '../../src/train/config.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { Stopped } from '../../src/train/phase.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { runTraining } from '../../src/train/trainer.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import {
  metricsOf,
  resultOf,
  saveBackbone,
  tinySettings,
  tinyWorld,
  trainHere,
} from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const all = tinySettings.stage.all;

/** A key of the lines of steps, or of epochs. */
async function column(run: string, key: string): Promise<number[]> {
  const lines = await metricsOf(run);
  return lines.flatMap((line) => (key in line && line[key] !== null ? [Number(line[key])] : []));
}

const numbers = (tensors: ReadonlyMap<string, HostTensor>) =>
  [...tensors].map(([name, { data }]) => [name, Array.from(data as Float32Array)] as const);

test('averaged weights are validated and exported, and do not change how the network trains', async () => {
  await trainHere(world.data, place('plain'), { epochs: 2 });
  const run = place('ema');
  const stage = { all: { ...all, ema: 0.9 } };
  const { checkpoint } = runPaths(run);
  const afterEpoch = place('after-epoch');
  const onEvent = (event: TrainEvent) => {
    // the second epoch's first step: on disk is what the first epoch left
    if (event.kind === 'progress' && event.task.startsWith('all') && event.done === 6)
      copyFileSync(checkpoint, afterEpoch);
  };
  await trainHere(world.data, run, { epochs: 2, stage }, { onEvent });

  expect(await column(run, 'gradientNorm')).toEqual(await column(place('plain'), 'gradientNorm'));
  expect(await column(run, 'valLoss')).not.toEqual(await column(place('plain'), 'valLoss'));

  const { best, parameters, optimiser } = (await loadCheckpoint(afterEpoch))!;
  expect([...best.keys()].sort()).toEqual([...parameters.keys()].sort());
  for (const [path, average] of best) {
    expect(average, path).toEqual(optimiser.get(`average:${path}`));
    expect(average, path).not.toEqual(parameters.get(path));
  }
  const [chosen] = (await loadCheckpoint(checkpoint))!.progress.chosen;
  const exported = (await loadCheckpoint(checkpoint))!.parameters;
  if (chosen.epoch === 1) expect(numbers(exported).sort()).toEqual(numbers(best).sort());
  else expect(numbers(exported).sort()).not.toEqual(numbers(parameters).sort());
});

test('passes train as the whole batch does, while the norms are frozen', async () => {
  const losses = async (accumulate: number) => {
    const run = place(`passes-${accumulate}`);
    const stage = { all: { ...all, accumulate, clip: 1, mixup: 0.2 } };
    const changes = { epochs: 2, norms: 'frozen', options: { dropout: 0.2 }, stage } as const;
    await trainHere(world.data, run, changes);
    return { steps: await column(run, 'gradientNorm'), epochs: await column(run, 'valLoss') };
  };
  const whole = await losses(1);
  const parts = await losses(4);
  expect(parts.steps).toBeAllClose(whole.steps, { rtol: 1e-3 });
  expect(parts.epochs).toBeAllClose(whole.epochs, { rtol: 1e-3 });
});

describe('everything at once', () => {
  const stage = {
    all: {
      ...all,
      accumulate: 2,
      ema: 0.95,
      mixup: 0.2,
      cutmix: 1,
      // an improvement of 90 % never comes, so that the rate falls after every second epoch
      schedule: { kind: 'plateau', patience: 1, threshold: 0.9, factor: 0.5 },
    },
    head: { epochs: 6, ema: 0.9, mixup: 0.2, batch: 16, accumulate: 4 },
  };
  const changes = () => ({
    epochs: 4,
    refit: true,
    weights: place('tiny.safetensors'),
    options: { dropout: 0.2 },
    stage,
  });

  /** Trains until a step or epoch of that number has been seen; true when it was stopped. */
  async function until(run: string, events: number): Promise<boolean> {
    const stop = new AbortController();
    const config = parseConfig({ ...tinySettings, data: world.data, ...changes() });
    const mode = existsSync(runPaths(run).config) ? 'resume' : 'new';
    let seen = 0;
    const emit = emitter((event) => {
      const counts = event.kind === 'epoch' || (event.kind === 'progress' && event.facts);
      if (counts && ++seen === events) stop.abort();
    });
    try {
      await runTraining({ folder: run, config, mode }, emit, stop.signal);
      return false;
    } catch (cause) {
      expect(cause).toBeInstanceOf(Stopped);
      return true;
    }
  }

  test('the rate falls, and a refit repeats its fall', async () => {
    await trainHere(world.data, place('before'), { epochs: 1 });
    await saveBackbone(place('before'), place('tiny.safetensors'));
    await trainHere(world.data, place('whole'), changes());
    const lines = (await metricsOf(place('whole'))).filter((line) => 'step' in line);
    const perEpoch = (refit: boolean) => {
      const rates = lines.filter((line) => String(line.refit) === String(refit));
      return rates.map(({ rate }) => Number(rate) / all.rate);
    };
    const found = perEpoch(false).filter((_, i) => i % 5 === 0);
    expect(found).toEqual([1, 1, 1, 0.5]);
    const [, { epoch, factors }] = (await loadCheckpoint(runPaths(place('whole')).checkpoint))!
      .progress.chosen;
    expect(factors).toEqual([1, 1, 1, 0.5, 0.5]);
    expect(perEpoch(true).filter((_, i) => i % 6 === 0)).toEqual(found.slice(0, epoch));
  });

  test('stopped again and again, it ends with the same bytes', async () => {
    let stops = 0;
    for (const events of [3, 5, 4, 7, 2, 9, 6]) if (await until(place('stopped'), events)) stops++;
    while (await until(place('stopped'), 11)) stops++;
    expect(stops).toBeGreaterThan(4);
    expect(await resultOf(place('stopped'))).toEqual(await resultOf(place('whole')));
  });
});

describe('refused before anything runs', () => {
  async function refusal(changes: Partial<RunConfigInput>, data = world.data): Promise<string> {
    const error = await trainHere(data, place('refused'), changes).then(
      () => undefined,
      (cause: unknown) => cause as Error & { code: string },
    );
    expect(error?.code).toBe('FM_CONFIG');
    expect(existsSync(place('refused'))).toBe(false);
    return error!.message;
  }

  test('CutMix on cached features', async () => {
    const stage = { head: { cutmix: 1 } };
    expect(await refusal({ weights: place('tiny.safetensors'), stage })).toMatch(
      /^stages\.head\.cutmix: expected 0 in a stage on cached features.*, got 1\. Use --set stages\.head\.mixup=1/,
    );
  });

  test('a plateau without validation images, and more passes than images', async () => {
    const data = await temporaryFolder({
      'a/1.png': await encodePng(noiseImage(40, 40, 1)),
      'b/1.png': await encodePng(noiseImage(40, 40, 2)),
    });
    expect(await refusal({ stage: { all: { schedule: { kind: 'plateau' } } } }, data)).toMatch(
      /^stages\.all\.schedule\.kind: expected a schedule that needs no validation images.*, got 'plateau'\. Use 'cosine'/,
    );
    expect(await refusal({ stage: { all: { batch: 8, accumulate: 4 } } }, data)).toMatch(
      /^stages\.all\.accumulate: expected at most 2, the number of training images, got 4\./,
    );
  });
});
