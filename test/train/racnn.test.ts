// Whole runs of RA-CNN on tiny birds: accuracies of scales in log and evaluation, a collapse that is
// found before the network trains, the fall back in file, refit and resumed run.

import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { readManifest } from '../../src/recognise/open-model.ts';
import type { RunConfigInput } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { metricsOf, resultOf, saveBackbone, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const weights = () => place('tiny.safetensors');

beforeAll(async () => {
  await trainHere(world.data, place('base'), { epochs: 1 });
  await saveBackbone(place('base'), weights());
});

/** Its epochs are the configuration's. */
const network = { batch: 8 };
const brief = { ...network, epochs: 1 };

/** One epoch of everything; attention that hardly moves from the centre has collapsed. */
function settings(attentionRate: number): Partial<RunConfigInput> {
  const attend = { ...brief, rate: 1e-3 };
  const attention = { ...brief, rate: attentionRate };
  return {
    method: 'ra-cnn',
    weights: weights(),
    options: { anchor: false },
    epochs: 1,
    stage: { head: { epochs: 5 }, attention, all: network, attend, fuse: { epochs: 5 } },
  };
}

test('scales are told apart in the log, the model and its evaluation', async () => {
  const run = place('scda');
  const stage = { head: { epochs: 5 }, all: network, fuse: { epochs: 5 } };
  await trainHere(world.data, run, { ...settings(1), options: { attention: 'scda' }, stage });
  const lines = await metricsOf(run);
  const epoch = lines.find((line) => line.stage === 'all' && 'valLoss' in line)!;
  for (const name of ['scale1', 'scale2']) expect(epoch[`valTop1:${name}`]).toBeTypeOf('number');
  const recogniser = await loadRecogniser(run);
  const { evaluation } = await evaluateModel(recogniser, { data: world.data, split: 'test' });
  await recogniser.close();
  expect(Object.keys(evaluation.scales)).toEqual(['scale1', 'scale2']);
});

test('a collapse is found before the network trains, and is kept with the run', async () => {
  const run = place('collapsed');
  const seen: TrainEvent[] = [];
  const summary = await trainHere(
    world.data,
    run,
    { ...settings(1e-12), refit: true },
    { onEvent: (event) => void seen.push(event) },
  );
  const [finding] = summary.findings;
  expect(finding).toMatch(/collapsed.*SCDA/);
  const told = seen.findIndex((event) => event.kind === 'note' && event.text === finding);
  const trained = seen.findIndex((event) => event.kind === 'epoch' && event.stage === 'all');
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(trained);
  expect(summary.stages.map(({ stage, epoch }) => [stage, epoch > 0])).toEqual([
    ['head', true],
    ['attention', true],
    ['all', true],
    ['attend', false],
    ['fuse', true],
  ]);
  expect((await readManifest(runPaths(run).model)).trained.findings).toEqual([...summary.findings]);
  const lines = await metricsOf(run);
  expect(lines.find((line) => 'finding' in line)).toMatchObject({ stage: 'attention', finding });
  const again = lines.filter((line) => String(line.refit) === 'true').map((line) => line.stage);
  expect(new Set(again)).toEqual(new Set(['head', 'all', 'fuse']));
});

test('a run that is stopped after the fall back remembers it', async () => {
  const whole = place('whole');
  const half = place('half');
  await trainHere(world.data, whole, settings(1e-12));
  const { checkpoint } = runPaths(half);
  const kept = place('kept');
  await trainHere(world.data, half, settings(1e-12), {
    onEvent: (event) => {
      // the first step of 'all': on disk is what the part before it left
      const first = event.kind === 'progress' && event.task.startsWith('all') && event.done === 1;
      if (first) copyFileSync(checkpoint, kept);
    },
  });
  copyFileSync(kept, checkpoint);
  rmSync(runPaths(half).model, { recursive: true });
  await trainHere(world.data, half, settings(1e-12), { mode: 'resume' });
  expect(await resultOf(half)).toEqual(await resultOf(whole));
});

test('the accuracy that is shipped is that of the model, not of its last stage', async () => {
  const run = place('average');
  const changes = settings(1e-12);
  // without an attention the last stage is passed over, and tells nothing
  const options = { ...changes.options, fusion: 'average' };
  const { valTop1, stages } = await trainHere(world.data, run, { ...changes, options });
  expect(stages.at(-1)).toMatchObject({ stage: 'attend', epoch: 0, top1: null });
  const recogniser = await loadRecogniser(run);
  const { evaluation } = await evaluateModel(recogniser, { data: world.data, split: 'val' });
  await recogniser.close();
  expect(valTop1).toBe(evaluation.top1);
  expect(recogniser.manifest.trained.validationTop1).toBe(evaluation.top1);
});
