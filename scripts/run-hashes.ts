// Trains some twenty short runs, every method among them, and prints the SHA-256 of what each leaves:
// to be run before and after a change that must not change results.
//
//   npx tsx scripts/run-hashes.ts WORK_FOLDER > before.txt

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeAviary } from '../src/data/aviary/write-aviary.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { loadCheckpoint } from '../src/train/checkpoint.ts';
import { parseConfig, type RunConfigInput } from '../src/train/config.ts';
import { emitter } from '../src/train/events.ts';
import { runPaths } from '../src/train/run-folder.ts';
import { runTraining } from '../src/train/trainer.ts';

const [work = '', only = ''] = process.argv.slice(2);
if (work === '') throw new Error('usage: npx tsx scripts/run-hashes.ts WORK_FOLDER [NAMES]');
const place = (name: string) => join(resolve(work), name);
process.env.FIELDMARK_CACHE = place('cache');

const common = { backbone: 'resnet_tiny', size: 48, seed: 1, threads: 1, workers: 0, epochs: 2 };
const batch = { batch: 8, rate: 0.02 };
const trained = { weights: place('tiny.safetensors') };
const triplets = { method: 'triplet', ...trained, stage: { all: { ...batch, batch: 16 } } };
const looks = { head: { epochs: 5 }, attend: { epochs: 1 }, fuse: { epochs: 2 } };

/** In order: later ones start from what `plain` leaves. */
const runs: Readonly<Record<string, Partial<RunConfigInput>>> = {
  plain: { weights: 'none', stage: { all: batch } },
  blocked: { weights: 'none', lowering: 'blocked', stage: { all: batch } },
  portable: { weights: 'none', lowering: 'portable', stage: { all: batch } },
  adamw: {
    weights: 'none',
    stage: { all: { ...batch, rate: 0.002, optimiser: { kind: 'adamw' }, accumulate: 2 } },
  },
  pretrained: { ...trained, stage: { head: { epochs: 5 }, all: batch } },
  refit: { ...trained, refit: true, stage: { head: { epochs: 5 }, all: batch } },
  fold: { ...trained, fold: { count: 3, index: 2, seed: 0 }, stage: { all: batch } },
  averaged: { ...trained, stage: { all: { ...batch, ema: 0.9, mixup: 0.2, cutmix: 0.5 } } },
  plateau: {
    ...trained,
    epochs: 3,
    stage: { all: { ...batch, schedule: { kind: 'plateau', patience: 0 } } },
  },
  balanced: {
    weights: 'none',
    stage: { all: { ...batch, sampler: { kind: 'balanced', samples: 2 } } },
  },
  boxes: { ...trained, within: 'box', stage: { all: batch } },
  squash: { ...trained, view: 'squash', stage: { all: batch } },
  triplet: triplets,
  siblings: {
    ...triplets,
    stage: { all: { ...batch, sampler: { kind: 'balanced', samples: 2, siblings: 2 } } },
  },
  bilinear: { method: 'bilinear', ...trained, stage: { head: { epochs: 5 }, all: batch } },
  compact: { method: 'compact-bilinear', ...trained, stage: { all: batch } },
  svm: { method: 'bilinear', ...trained, options: { finish: 'svm' }, stage: { all: batch } },
  'ra-cnn': { method: 'ra-cnn', ...trained, epochs: 6, size: 64, stage: looks },
  scda: { method: 'scda', ...trained, epochs: 10 },
  trunk: { backbone: `onnx:${place('plain/model/model.onnx')}`, weights: undefined, epochs: 10 },
};

await writeAviary({
  out: place('birds'),
  classes: 6,
  trainPerClass: 12,
  testPerClass: 3,
  imageSize: 64,
  speciesPerGenus: 2,
  difficulty: 'easy',
  seed: 5,
}).catch(() => {}); // there already

for (const [name, changes] of Object.entries(runs)) {
  if (only !== '' && !only.split(',').includes(name)) continue;
  const input = { ...common, data: place('birds'), ...changes };
  const config = parseConfig(
    Object.fromEntries(Object.entries(input).filter(([, v]) => v !== undefined)),
  );
  try {
    await runTraining(
      { folder: place(name), config, mode: 'overwrite' },
      emitter(() => {}),
      new AbortController().signal,
    );
    if (name === 'plain') await keepWeights(place('plain'));
    for (const line of await hashesOf(place(name))) console.log(`${name.padEnd(11)} ${line}`);
  } catch (cause) {
    console.log(`${name.padEnd(11)} ${(cause as Error).message}`);
  }
}

/** The backbone that the other runs start from. */
async function keepWeights(run: string): Promise<void> {
  const { parameters } = (await loadCheckpoint(runPaths(run).checkpoint))!;
  const backbone = [...parameters].filter(([path]) => path.startsWith('backbone.'));
  const names = backbone.map(([path, tensor]) => [path.slice('backbone.'.length), tensor] as const);
  await writeSafetensors(place('tiny.safetensors'), new Map(names));
}

/** Seconds are left out of the checkpoint, and the fingerprint, which is of the data. */
async function hashesOf(run: string): Promise<string[]> {
  const paths = runPaths(run);
  const { progress, parameters, optimiser, best } = (await loadCheckpoint(paths.checkpoint))!;
  const { seconds: _, fingerprint: __, ...rest } = progress;
  const state = createHash('sha256').update(JSON.stringify(rest));
  for (const tensors of [parameters, optimiser, best]) {
    for (const [path, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
      state.update(path).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  const file = async (path: string) =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  return [
    `checkpoint ${state.digest('hex')}`,
    `metrics    ${await file(paths.metrics)}`,
    `recipe     ${await file(paths.recipe)}`,
    `model      ${await file(join(paths.model, 'model.onnx'))}`,
  ];
}
