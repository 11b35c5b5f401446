// Real photographs, at length: needs ../shared and the Python peers (`npm run test:full`).

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { finetuneCurve } from '../../bench/finetune-curve.ts';
import { runPeer, setUpPeers } from '../../bench/peers/run-peer.ts';
import type { Example } from '../../src/core/example.ts';
import { float32, type HostTensor, int64 } from '../../src/core/tensor.ts';
import { checkImages } from '../../src/data/check.ts';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { type FeatureStage, trainedAmong } from '../../src/methods/stage.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { parseConfig } from '../../src/train/config.ts';
import { emitter } from '../../src/train/events.ts';
import { featuresOf } from '../../src/train/features.ts';
import { prepareTask } from '../../src/train/prepare-task.ts';
import { train } from '../../src/train/train.ts';

const shared = resolve(import.meta.dirname, '../../../shared');
const cub = join(shared, 'data/CUB_200_2011-first10');
const weights = join(shared, 'weights/mobilenet_v2-inat_birds.safetensors');

/** Why the tests cannot run, or undefined. */
function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  if (!existsSync(cub)) return '../shared is absent';
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}

const reason = obstacle();
if (reason !== undefined) console.log(`test/full/photographs: skipped, ${reason}`);

/** Features of all CUB photographs under the frozen network, as scikit-learn reads them. */
async function writeFeatures(path: string): Promise<void> {
  const emit = emitter(() => {});
  const config = parseConfig({ data: cub, weights, threads: 2 });
  const prepared = await prepareTask(config, emit, new AbortController().signal);
  const { hashes } = await checkImages(prepared.dataset.examples);
  const task = { ...prepared, hashes };
  const [stage] = trainedAmong(task.method.stages(task.context));
  const tensors = new Map<string, HostTensor>();
  for (const split of ['train', 'test'] as const) {
    const examples: Example[] = task.dataset.examples.filter((e) => e.split === split);
    const { rows, shape } = await featuresOf(
      task,
      { stage: stage as FeatureStage, ownNetwork: false },
      task.freshStore(),
      examples,
      emit,
      () => {},
    );
    const flat = new Float32Array(rows.length * shape[0]);
    rows.forEach((row, i) => {
      flat.set(row, i * shape[0]);
    });
    tensors.set(`${split}_x`, float32([rows.length, shape[0]], flat));
    const labels = examples.map(({ label }) => label);
    tensors.set(`${split}_y`, int64([labels.length], labels));
  }
  await writeSafetensors(path, tensors);
}

describe.skipIf(reason !== undefined)('photographs', () => {
  test('CUB, stage head with refit: within a point of scikit-learn on the same features', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fieldmark-cub-'));
    try {
      const out = join(folder, 'run');
      await train({ out, config: { data: cub, weights, stages: 'head', refit: true, threads: 2 } });
      const recogniser = await loadRecogniser(out);
      const { evaluation } = await evaluateModel(recogniser, { data: cub, split: 'test' });
      await recogniser.close();
      const features = join(folder, 'features.safetensors');
      await writeFeatures(features);
      const { top1 } = await runPeer<{ top1: Record<string, number> }>('logreg', [features]);
      console.log(`CUB head ${evaluation.top1.toFixed(4)}, scikit-learn ${JSON.stringify(top1)}`);
      expect(Math.abs(evaluation.top1 - top1['logreg-l2'])).toBeLessThanOrEqual(0.01);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 300_000);

  test("Grocery Store, whole network: the first ten losses are PyTorch's", async () => {
    const { ours, torch, worst } = await finetuneCurve(10, 16);
    console.log(`largest relative difference ${worst.toExponential(1)}`);
    ours.forEach((loss, i) => {
      expect(Math.abs(loss - torch[i]) / torch[i], `step ${i + 1}`).toBeLessThan(1e-3);
    });
  }, 600_000);
});
