// A run of one fold: what it holds back, it neither trains on nor chooses with.

import { cp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePng } from '../../src/data/image/decode.ts';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { loadRecogniser, lookHere } from '../../src/recognise/load-recogniser.ts';
import { Recogniser } from '../../src/recognise/recogniser.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig } from '../../src/train/config.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { openNearest } from '../../src/train/nearest-photos.ts';
import { prepareTask } from '../../src/train/prepare-task.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { TrainingStopped } from '../../src/train/train.ts';
import { noiseImage } from '../support/images.ts';
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

test('a fold that is cut otherwise since a photograph was added is not scored', async () => {
  const data = join(world.folder, 'classes');
  await cp(join(world.data, 'images'), data, { recursive: true });
  const fold = { count: 3, index: 2, seed: 0 };
  const out = join(world.folder, 'grown');
  await trainHere(data, out, { fold, epochs: 1 });
  const recogniser = await loadRecogniser(out, { threads: 1 });
  const score = () => evaluateModel(recogniser, { data, fold, workers: 0, split: 'test' });
  const [{ path, id }] = (await score()).examples;
  const added = join(data, dirname(id), '0-added.png');
  await writeFile(added, await encodePng(noiseImage(48, 48, 1)));
  const refused = { code: 'FM_RUN', message: expect.stringContaining('were held back when') };
  await expect(score()).rejects.toMatchObject(refused);
  const nearest = openNearest(out, recogniser);
  await expect(nearest).rejects.toMatchObject(refused);

  // a run from before it was kept is scored on what the fold holds back today
  const { heldBack, seen: _, ...trained } = recogniser.manifest.trained;
  expect(heldBack).toMatch(/^[0-9a-f]{64}$/);
  const old = new Recogniser({ ...recogniser.manifest, trained }, recogniser.session, {
    look: lookHere(recogniser.manifest),
  });
  const scored = await evaluateModel(old, { data, fold, workers: 0, split: 'test' });
  expect(scored.examples.length).toBeGreaterThan(0);
  await rm(added);
  expect((await score()).examples[0].path).toBe(path);
  await recogniser.close();
});
