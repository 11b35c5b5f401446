// The exported file: the same network, for any batch, that anyone can check.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { findMethod } from '../../src/methods/table.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { IMAGE_INPUT } from '../../src/nn/image-input.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { exportRecogniser } from '../../src/recognise/export.ts';
import { goldenImage, type Manifest } from '../../src/recognise/manifest.ts';
import { readManifest } from '../../src/recognise/open-model.ts';
import { recogniserGraph } from '../../src/recognise/recogniser-graph.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { Session } from '../../src/runtime/session.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';

const SIZE = 40;
const about: Omit<Manifest, 'version' | 'sha256' | 'golden'> = {
  classes: ['a', 'b', 'c'],
  input: { size: SIZE, resizeShort: 46, mode: 'centre-crop' },
  temperature: 2,
  backbone: 'mobilenet_v2',
  method: 'finetune',
  licences: [],
  weights: { source: 'none' },
  trained: { dataset: 'd', images: 0, seed: 0, validationTop1: null },
};

/** Exports an untrained network whose norms are nonetheless not trivial. */
async function exported(folder: string): Promise<Manifest> {
  const method = findMethod('finetune');
  const context = {
    options: { dropout: 0 },
    backbone: findBackbone('mobilenet_v2'),
    network: publishedNetwork,
    pixels: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
    padding: 'torch',
    norms: 'frozen',
    classes: 3,
    pretrained: true,
  } as const;
  const parameters = new Parameters();
  const outputs = recogniserGraph(method, context, parameters, SIZE, about.temperature);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 3);
  for (const [path, tensor] of store) {
    if (!path.endsWith('running_var')) continue;
    const data = (tensor.data as Float32Array).map((v, i) => v * (0.5 + (i % 5) / 4));
    store.set(path, hostTensor('float32', tensor.shape, data));
  }
  return await exportRecogniser(folder, outputs, store, about);
}

let folder: string;
let session: Session;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldmark-export-'));
  await exported(folder);
  session = await createSession(join(folder, 'model.onnx'), { threads: 1 });
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true });
});

function batch(images: readonly Uint8Array[]): HostTensor {
  const data = new Uint8Array(images.length * SIZE * SIZE * 3);
  images.forEach((image, i) => {
    data.set(image, i * image.length);
  });
  return hostTensor('uint8', [images.length, SIZE, SIZE, 3], data);
}

test('any batch runs, and a row does not depend on its neighbours', async () => {
  const images = [1, 2, 3].map((seed) => noiseImage(SIZE, SIZE, seed).data);
  const together = await session.run({ [IMAGE_INPUT]: batch(images) });
  for (const [i, image] of images.entries()) {
    const alone = await session.run({ [IMAGE_INPUT]: batch([image]) });
    for (const name of session.outputNames) {
      const width = sizeOf(alone[name].shape.slice(1));
      expect([...together[name].shape], name).toEqual([3, ...alone[name].shape.slice(1)]);
      const row = (together[name].data as Float32Array).subarray(i * width, (i + 1) * width);
      expect(row).toBeAllClose(alone[name].data as Float32Array, { rtol: 1e-5, atol: 1e-6 });
    }
  }
  expect([...session.outputNames].sort()).toEqual([
    'activation',
    'embedding',
    'heat',
    'logits',
    'probabilities',
  ]);
});

test('activation and heat lie evenly over the image, and the answers are probabilities', async () => {
  const image = batch([noiseImage(SIZE, SIZE, 9).data]);
  const { activation, heat, embedding, probabilities } = await session.run({
    [IMAGE_INPUT]: image,
  });
  for (const map of [activation, heat]) expect([...map.shape]).toEqual([1, SIZE / 4, SIZE / 4]);
  expect((activation.data as Float32Array).every((v) => v >= 0)).toBe(true);
  expect([...embedding.shape]).toEqual([1, 1280]);
  expect((probabilities.data as Float32Array).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
});

test("the golden image gives the manifest's logits", async () => {
  const { golden } = await readManifest(folder);
  const { logits } = await session.run({ [IMAGE_INPUT]: batch([goldenImage(SIZE)]) });
  expect(golden.logits).toHaveLength(3);
  expect(logits.data as Float32Array).toBeAllClose(golden.logits, { rtol: 1e-5, atol: 1e-6 });
});

test('the golden image itself does not change', () => {
  const image = goldenImage(4);
  expect([...image.subarray(0, 12)]).toEqual([0, 0, 0, 63, 0, 7, 127, 0, 14, 191, 0, 21]);
  expect([...image.subarray(45)]).toEqual([191, 191, 0]);
});

test('the same network gives the same bytes', async () => {
  const other = await temporaryFolder();
  await exported(other);
  for (const name of ['model.onnx', 'fieldmark.json']) {
    const [a, b] = await Promise.all([folder, other].map((f) => readFile(join(f, name))));
    expect(a.equals(b), name).toBe(true);
  }
});
