// A run of one fold: what it holds back, it neither trains on nor chooses with.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { loadRecogniser } from '../../src/recognise/recogniser.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig } from '../../src/train/config.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { prepareTask } from '../../src/train/task.ts';
import { TrainingStopped } from '../../src/train/train.ts';
import { tinySettings, tinyWorld, trainHere, trainTiny } from '../support/tiny-run.ts';

const world = tinyWorld();

test('training, choosing and scoring see disjoint images, all together every image', async () => {
  const fold = { count: 3, index: 2, seed: 7 };
  const out = join(world.folder, 'run');
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  await trainHere(world.data, out, { fold, epochs: 1 }, { onEvent });
  expect(notes).toContainEqual(
    expect.stringMatching(/^fold 2 of 3: of all 60 images, .* test split among them, 20 are held/),
  );
  const config = parseConfig({ ...tinySettings, data: world.data, fold });
  const task = await prepareTask(
    config,
    emitter(() => {}),
    new AbortController().signal,
  );
  expect([task.train.length, task.val.length, task.valSource]).toEqual([36, 4, 'held-out']);

  const recogniser = await loadRecogniser(out, { threads: 1 });
  const options = { data: world.data, fold, workers: 0, retrieval: true };
  const scored = await evaluateModel(recogniser, { ...options, split: 'test' });
  const chosen = await evaluateModel(recogniser, { ...options, split: 'val' });
  await recogniser.close();
  const ids = (examples: readonly { id: string }[]) => examples.map(({ id }) => id);
  expect(ids(chosen.examples)).toEqual(ids(task.val));
  const all = [...ids(task.train), ...ids(task.val), ...ids(scored.examples)];
  expect(all).toHaveLength(60);
  expect(new Set(all).size).toBe(60);
  expect(scored.evaluation.retrieval?.queries).toBe(20);
});

test('a checkpoint counts the seconds of all processes', async () => {
  const out = join(world.folder, 'timed');
  const stop = new AbortController();
  const onEvent = (event: TrainEvent) => void (event.kind === 'epoch' && stop.abort());
  const stopped = trainTiny(world.data, out, { epochs: 9 }, { onEvent, signal: stop.signal });
  await expect(stopped).rejects.toThrow(TrainingStopped);
  const { checkpoint } = runPaths(out);
  const before = (await loadCheckpoint(checkpoint))!;
  expect(before.progress.seconds).toBeGreaterThan(0);
  await saveCheckpoint(checkpoint, { ...before, progress: { ...before.progress, seconds: 1000 } });
  await trainHere(world.data, out, { epochs: 9 }, { mode: 'resume' });
  const { seconds } = (await loadCheckpoint(checkpoint))!.progress;
  expect(seconds).toBeGreaterThan(1000);
  expect(seconds).toBeLessThan(1300);
});
