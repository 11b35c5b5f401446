// Checkpoints: everything comes back exactly, and a damaged one is one clear error.

import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import {
  type Checkpoint,
  loadCheckpoint,
  type Progress,
  saveCheckpoint,
} from '../../src/train/checkpoint.ts';
import { temporaryFolder } from '../support/files.ts';

const progress: Progress = {
  fingerprint: 'abc',
  part: 1,
  epoch: 3,
  step: 17,
  lossSum: 0.1 + 0.2,
  best: { epoch: 2, top1: 2 / 3, loss: 1e-9 },
  chosen: [{ stage: 'head', epoch: 9, top1: 0.5, loss: 0.7 }],
  temperature: 1.2345678901234567,
  metricsBytes: 4096,
};
const checkpoint: Checkpoint = {
  progress,
  parameters: new Map([
    ['backbone.conv1.weight', float32([2, 1], [1, -1e-38])],
    ['head.bias', float32([2], [0, -0])],
  ]),
  optimiser: new Map([['optimiser.momentum:head.bias', float32([2], [3, 4])]]),
  best: new Map([['head.bias', float32([2], [5, 6])]]),
};

async function savedPath(): Promise<string> {
  const path = join(await temporaryFolder(), 'checkpoint', 'state.safetensors');
  await saveCheckpoint(path, checkpoint);
  return path;
}

test('round trip', async () => {
  expect(await loadCheckpoint(await savedPath())).toEqual(checkpoint);
});

test('before the first step: nothing but where it stands', async () => {
  const path = join(await temporaryFolder(), 'state');
  const start: Checkpoint = {
    progress: { ...progress, best: null, chosen: [], temperature: null },
    parameters: new Map(),
    optimiser: new Map(),
    best: new Map(),
  };
  await saveCheckpoint(path, start);
  expect(await loadCheckpoint(path)).toEqual(start);
});

test('the same state gives the same bytes', async () => {
  const [a, b] = [await savedPath(), await savedPath()];
  expect((await readFile(a)).equals(await readFile(b))).toBe(true);
});

test('no checkpoint yet', async () => {
  expect(await loadCheckpoint(join(await temporaryFolder(), 'none'))).toBeUndefined();
});

const broken = (got: RegExp) => ({
  code: 'FM_CHECKPOINT',
  message: expect.stringMatching(
    new RegExp(`^/.*: expected a whole checkpoint, got .*${got.source}.*--overwrite\\.$`),
  ),
});

test('a checkpoint cut short anywhere', async () => {
  const path = await savedPath();
  const whole = await readFile(path);
  for (const length of [0, 5, 100, whole.length - 1]) {
    await writeFile(path, whole);
    await truncate(path, length);
    await expect(loadCheckpoint(path), `${length} bytes`).rejects.toMatchObject(broken(/bytes/));
  }
});

test('a checkpoint of another version, and a file that is none', async () => {
  const path = join(await temporaryFolder(), 'state');
  await writeSafetensors(path, new Map(), { version: '9', progress: '{}' });
  await expect(loadCheckpoint(path)).rejects.toMatchObject(broken(/version 9/));
  await writeSafetensors(path, new Map(), { version: '1', progress: '{"part": ' });
  await expect(loadCheckpoint(path)).rejects.toMatchObject(broken(/JSON/));
  await writeSafetensors(path, new Map(), { version: '1' });
  await expect(loadCheckpoint(path)).rejects.toMatchObject(broken(/./));
});
