// Triplet runs on tiny birds: what is logged and shipped, resuming, few images, and refusals.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeJpeg } from '../../src/data/image/decode.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import type { RunConfigInput } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import {
  metricsOf,
  resultOf,
  saveBackbone,
  stopHere,
  tinyWorld,
  trainHere,
} from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const changes = {
  method: 'triplet',
  epochs: 3, // one of them warms up
  stage: { all: { batch: 16 }, softmax: { batch: 8 } },
} satisfies Partial<RunConfigInput>;

beforeAll(async () => {
  await trainHere(world.data, place('whole'), changes);
  await saveBackbone(place('whole'), place('tiny.safetensors'));
});

test('both losses and the active share are logged, and the embedding has length one', async () => {
  const lines = await metricsOf(place('whole'));
  const steps = (stage: string) => lines.filter((l) => l.stage === stage && l.step !== undefined);
  expect(steps('softmax').every((line) => !('triplet' in line))).toBe(true);
  const joint = steps('all');
  expect(joint).toHaveLength(4); // 44 images in batches of 16, twice
  for (const { loss, softmax, triplet, active } of joint as Record<string, number>[]) {
    expect(loss).toBeCloseTo(softmax + 4 * triplet, 5);
    expect(active).toBeGreaterThan(0);
    expect(active).toBeLessThanOrEqual(1);
  }
  const recogniser = await loadRecogniser(place('whole'), { threads: 1 });
  const { embedding } = await recogniser.predict(noiseImage(60, 50));
  await recogniser.close();
  expect(embedding.reduce((total, v) => total + v * v, 0)).toBeCloseTo(1, 5);
});

test.each(['mixup', 'cutmix'])(
  '%s is refused where triplets are, not in the warm-up',
  async (key) => {
    const stage = (name: string) => ({ stage: { [name]: { [key]: 0.2 } } });
    const train = (name: string) =>
      trainHere(world.data, place(`${key}-${name}`), {
        method: 'triplet',
        epochs: 2,
        ...stage(name),
      });
    await expect(train('all')).rejects.toThrow(
      new RegExp(
        `^stages\\.all\\.${key}: expected 0 in a stage whose loss takes each image for one`,
      ),
    );
    await expect(train('softmax')).resolves.toBeDefined();
  },
);

test('stopped in the middle, it ends with the same bytes', async () => {
  const folder = place('stopped');
  const inMiddle = (event: TrainEvent) =>
    event.kind === 'progress' && event.task === 'all epoch 2/2';
  await stopHere(world.data, folder, changes, inMiddle);
  await trainHere(world.data, folder, changes, { mode: 'resume' });
  expect(await resultOf(folder)).toEqual(await resultOf(place('whole')));
});

/** Class folders with so many pictures each. */
async function folders(counts: Record<string, number>, extra: Record<string, string> = {}) {
  const files: Record<string, string | Uint8Array> = { ...extra };
  for (const [name, count] of Object.entries(counts))
    for (let i = 0; i < count; i++)
      files[`${name}/${i}.jpg`] = await encodeJpeg(noiseImage(40, 36, name.length + 10 * i));
  return await temporaryFolder(files);
}

test('few images fill the batches with further views; a lonely one is named', async () => {
  const data = await folders({ finch: 4, wren: 3, owl: 1 });
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  const stage = {}; // eight classes by four, of which there are three
  const run = place('few');
  await trainHere(data, run, { ...changes, stage, epochs: 2 }, { onEvent });
  expect(notes).toContain("triplet: with one training image a class can only be a negative: 'owl'");
  const steps = (await metricsOf(run)).filter((l) => l.stage === 'all' && l.step !== undefined);
  expect(steps).toHaveLength(1);
});

test('epochs that the warm-up takes whole are refused', async () => {
  const train = (epochs: number) =>
    trainHere(world.data, place('warm'), { ...changes, epochs, options: { warmup: 4 } });
  for (const epochs of [2, 4])
    await expect(train(epochs)).rejects.toThrow(
      `epochs: expected more than the 4 of 'softmax', got ${epochs}. Raise them, or let an option`,
    );
});

describe('refused before images are read', () => {
  /** One image is damaged, which nobody has seen yet. */
  async function refusal(code: string, more: Partial<RunConfigInput>, counts = {}) {
    const data = await folders({ finch: 4, wren: 4, ...counts }, { 'wren/bad.jpg': 'text' });
    const error = await trainHere(data, place('refused'), { ...changes, stage: {}, ...more }).then(
      () => undefined,
      (cause: unknown) => cause as Error & { code: string },
    );
    expect(error?.code).toBe(code);
    expect(error?.message).toMatch(/^[^:]+: expected .+, got .+\. .+\.$/s);
    expect(existsSync(place('refused'))).toBe(false);
    return error!.message;
  }

  test('a hierarchy of flat labels', async () => {
    expect(await refusal('FM_SUPERVISION', { options: { hierarchy: 'on' } })).toContain(
      'options.hierarchy: expected a dataset whose classes have levels above them, got flat labels',
    );
    const siblings = { all: { sampler: { siblings: 2 } } };
    expect(await refusal('FM_SUPERVISION', { stage: siblings })).toContain(
      'stages.all.sampler.siblings: expected a dataset whose classes have parents, got flat labels',
    );
  });

  test('more classes in a batch than there are, and batches that are not classes by samples', async () => {
    const four = (batch: number) => ({ stage: { all: { batch, sampler: { samples: 4 } } } });
    expect(await refusal('FM_CONFIG', four(12))).toContain(
      'stages.all.batch: expected at most 8 images, 4 of each of 2 classes, got 12',
    );
    expect(await refusal('FM_CONFIG', four(6))).toContain(
      'stages.all.sampler.samples: expected a divisor of the 6 images',
    );
  });

  test('too few classes that have pairs', async () => {
    const counts = { finch: 1 };
    expect(await refusal('FM_SUPERVISION', {}, counts)).toContain(
      'expected two or more classes with two or more training images each, got 1',
    );
  });

  test('balanced rows of features', async () => {
    const weights = place('tiny.safetensors');
    const stage = { head: { sampler: { kind: 'balanced' } } };
    expect(await refusal('FM_CONFIG', { weights, stage })).toContain(
      "stages.head.sampler.kind: expected 'shuffled' in a stage on cached features",
    );
  });
});
