// A dataset of birds and a training run that are small enough for a test.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { writeAviary } from '../../src/data/aviary/write-aviary.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig, type RunConfigInput } from '../../src/train/config.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { Stopped } from '../../src/train/phase.ts';
import { type OpenMode, runPaths } from '../../src/train/run-folder.ts';
import { type TrainOptions, train } from '../../src/train/train.ts';
import { runTraining } from '../../src/train/trainer.ts';

export interface TinyWorld {
  /** For whatever the tests of a file write. */
  folder: string;
  /** Four species in two genera, 12 training and 3 test images each. */
  data: string;
}

/** A dataset and a cache of their own for all tests of a file; filled in before the first test. */
export function tinyWorld(): TinyWorld {
  const world: TinyWorld = { folder: '', data: '' };
  beforeAll(async () => {
    world.folder = await mkdtemp(join(tmpdir(), 'fieldmark-tiny-'));
    world.data = join(world.folder, 'birds');
    process.env.FIELDMARK_CACHE = join(world.folder, 'cache');
    await writeAviary({
      out: world.data,
      classes: 4,
      trainPerClass: 12,
      testPerClass: 3,
      imageSize: 48,
      speciesPerGenus: 2,
      difficulty: 'easy',
      seed: 5,
    });
  });
  afterAll(() => rm(world.folder, { recursive: true, force: true }));
  return world;
}

/** Five steps an epoch of the smallest network; loader threads would take longer to start. */
export const tinySettings = {
  backbone: 'resnet_tiny',
  size: 32,
  epochs: 4,
  seed: 1,
  threads: 1,
  workers: 0,
  stage: { all: { batch: 8, rate: 0.02 }, head: { epochs: 20 } },
} satisfies Omit<RunConfigInput, 'data'>;

/** Trains with the tiny settings and these on top. */
export function trainTiny(
  data: string,
  out: string,
  changes: Partial<RunConfigInput> = {},
  options: Partial<Omit<TrainOptions, 'out' | 'config'>> & { mode?: OpenMode } = {},
) {
  return train({ out, config: { ...tinySettings, data, ...changes }, ...options });
}

/** The same within this process, which starts sooner. */
export function trainHere(
  data: string,
  folder: string,
  changes: Partial<RunConfigInput> = {},
  options: { mode?: OpenMode; onEvent?: (event: TrainEvent) => void } = {},
) {
  const config = parseConfig({ ...tinySettings, data, ...changes });
  const job = { folder, config, mode: options.mode ?? 'new' };
  return runTraining(job, emitter(options.onEvent ?? (() => {})), new AbortController().signal);
}

/** Starts it within this process, and stops it at the first event of a kind. */
export async function stopHere(
  data: string,
  folder: string,
  changes: Partial<RunConfigInput>,
  isTime: (event: TrainEvent) => boolean,
): Promise<void> {
  const config = parseConfig({ ...tinySettings, data, ...changes });
  const stop = new AbortController();
  const emit = emitter((event) => void (isTime(event) && stop.abort()));
  const run = runTraining({ folder, config, mode: 'new' }, emit, stop.signal);
  await expect(run).rejects.toBeInstanceOf(Stopped);
}

/** Writes the backbone of a trained run as a weights file. */
export async function saveBackbone(run: string, path: string): Promise<void> {
  const { parameters } = (await loadCheckpoint(runPaths(run).checkpoint))!;
  const backbone = [...parameters].flatMap(([name, tensor]) =>
    name.startsWith('backbone.') ? [[name.slice('backbone.'.length), tensor] as const] : [],
  );
  await writeSafetensors(path, new Map(backbone));
}

/** The lines of a run's metrics.jsonl. */
export async function metricsOf(run: string): Promise<Record<string, number | string>[]> {
  const text = await readFile(runPaths(run).metrics, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** What must not differ between two runs that did the same, byte for byte. */
export async function resultOf(run: string): Promise<Record<string, string>> {
  const { model, metrics } = runPaths(run);
  const files = [join(model, 'model.onnx'), join(model, 'fieldmark.json'), metrics];
  const texts = await Promise.all(files.map((file) => readFile(file, 'latin1')));
  return Object.fromEntries(files.map((file, i) => [file.slice(run.length), texts[i]]));
}
