// What every network must do on real images: learn from one step, come back from a weights file as it
// was written, and be exported. Used for small networks in the quick tests, for all in the full ones.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { writeAviary } from '../../src/data/aviary/write-aviary.ts';
import { loadBatch } from '../../src/data/batch.ts';
import { openDataset } from '../../src/data/datasets/table.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { lower } from '../../src/graph/lower.ts';
import type { Lowering } from '../../src/graph/lowered.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import { finetune } from '../../src/methods/finetune.ts';
import { networkSettings } from '../../src/methods/settings.ts';
import { trainedAmong } from '../../src/methods/stage.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { type Backbone, publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { IMAGE_INPUT } from '../../src/nn/image-input.ts';
import {
  initialise,
  type ParameterSpec,
  type ParameterStore,
  Parameters,
} from '../../src/nn/scope.ts';
import { exportRecogniser } from '../../src/recognise/export.ts';
import { MODEL_FILE } from '../../src/recognise/manifest.ts';
import { recogniserGraph } from '../../src/recognise/recogniser-graph.ts';
import { createSession } from '../../src/runtime/node.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import { targetsOf } from '../../src/train/batches.ts';
import { Stepper } from '../../src/train/stepper.ts';
import { temporaryFolder } from './files.ts';
import { sharedPath } from './images.ts';

const BATCH = 8;
/** Side of the images, in pixels. */
export const SIZE = 64;
const block = await blockedLanes();
const lowerings: readonly Lowering[] = block === undefined ? ['portable'] : ['portable', { block }];

/** Eight images of four species. */
interface Photos {
  /** uint8 [8, 64, 64, 3] */
  readonly images: HostTensor;
  readonly labels: readonly number[];
  readonly classes: readonly string[];
}

/** Of the shared photographs where they are, else of the aviary. */
async function eightPhotos(): Promise<Photos> {
  const { classes, examples } = await openDataset(
    sharedPath('data/CUB_200_2011-first10') ?? (await drawnBirds()),
  );
  const labels = Array.from({ length: BATCH }, (_, i) => i >> 1);
  const items = labels.map((label, index) => {
    const { id, path } = examples.filter((e) => e.label === label)[index & 1];
    return { index, id, path };
  });
  const view = { kind: 'evaluate', geometry: { size: SIZE, mode: 'squash' } } as const;
  const { images } = await loadBatch({ items, view, seed: 0, epoch: 0 });
  return { images: hostTensor('uint8', [BATCH, SIZE, SIZE, 3], images), labels, classes };
}

/** The first of them, uint8 [1, 64, 64, 3]. */
export async function onePhoto(): Promise<HostTensor> {
  const { images } = await eightPhotos();
  return hostTensor(
    'uint8',
    [1, SIZE, SIZE, 3],
    images.data.slice(0, SIZE * SIZE * 3) as Uint8Array,
  );
}

async function drawnBirds(): Promise<string> {
  const out = join(await temporaryFolder(), 'birds');
  const each = { trainPerClass: 2, testPerClass: 1, speciesPerGenus: 2 };
  await writeAviary({ out, classes: 4, ...each, imageSize: 96, difficulty: 'easy', seed: 5 });
  return out;
}

function contextOf(backbone: Backbone, { classes }: Photos) {
  return {
    options: finetune.options.parse({ head: 'fresh' }) as never,
    backbone,
    network: publishedNetwork,
    pixels: torchvisionDescription.input,
    padding: 'torch',
    norms: 'batch',
    classes: classes.length,
    pretrained: true,
  } as const;
}

/** First numbers of everything. */
function freshStore(backbone: Backbone, photos: Photos): ParameterStore {
  const parameters = new Parameters();
  const context = contextOf(backbone, photos);
  recogniserGraph(finetune, context, parameters, SIZE);
  const [stage] = trainedAmong(finetune.stages(context)); // has classifiers of its own
  stage.loss(parameters.root(), stageBatch(stage, photos.images.shape));
  const store: ParameterStore = new Map();
  initialise(parameters, store, 1);
  return store;
}

/** Losses of two steps on the same images, as the stage that trains everything takes them. */
async function twoSteps(
  backbone: Backbone,
  photos: Photos,
  store: ParameterStore,
  lowering: Lowering,
): Promise<number[]> {
  const context = contextOf(backbone, photos);
  const [stage] = trainedAmong(finetune.stages(context));
  const settings = networkSettings(true);
  const parameters = new Parameters(stage.trains);
  const drawn = (name: string) => {
    throw new Error(`expected no dropout, got '${name}'`);
  };
  const batch = stageBatch(stage, photos.images.shape, { drawn });
  const { loss } = stage.loss(parameters.root(), batch);
  const group = ({ role, path }: ParameterSpec) => ({
    rateFactor: path.startsWith('backbone.') ? 1 : settings.headFactor,
    decay: role === 'weight' ? settings.decay : 0,
  });
  const { optimiser, clip, rate } = settings;
  const graph = { loss, parameters, store, optimiser, group, clip, lowering };
  const stepper = await Stepper.open({ graph, passes: 1, uniforms: [], threads: 2 }, (name) =>
    store.get(name),
  );
  const feeds = {
    input: photos.images,
    fields: targetsOf(photos.labels),
    rate,
    progress: 0,
    draw: () => {
      throw new Error('expected no draws');
    },
  };
  try {
    const losses = [];
    for (const number of [1, 2]) losses.push((await stepper.step({ ...feeds, number })).loss);
    for (const [path, tensor] of (await stepper.read()).parameters) store.set(path, tensor);
    return losses;
  } finally {
    await stepper.close();
  }
}

/** The recogniser's logits of the images, [8 * classes], nothing folded. */
async function logitsOf(
  backbone: Backbone,
  photos: Photos,
  store: ParameterStore,
): Promise<Float32Array> {
  const context = contextOf(backbone, photos);
  const { logits } = recogniserGraph(finetune, context, new Parameters(), SIZE);
  const constants = (path: string) => store.get(path);
  return await answer(lower({ logits }, { constants, freeBatch: 'batch' }).bytes, photos);
}

async function answer(model: Uint8Array | string, { images }: Photos): Promise<Float32Array> {
  const session = await createSession(model, { threads: 2 });
  const { logits } = await session.run({ [IMAGE_INPUT]: images });
  await session.close();
  return logits.data as Float32Array;
}

/** The backbone's numbers, written as a weights file and loaded from it; the head's as they are. */
async function savedAndLoaded(
  backbone: Backbone,
  photos: Photos,
  store: ParameterStore,
): Promise<ParameterStore> {
  const path = join(await temporaryFolder(), 'weights.safetensors');
  const prefix = 'backbone.';
  const own = [...store].filter(([name]) => name.startsWith(prefix));
  await writeSafetensors(path, new Map(own.map(([name, t]) => [name.slice(prefix.length), t])));
  const parameters = new Parameters();
  recogniserGraph(finetune, contextOf(backbone, photos), parameters, SIZE);
  const loaded: ParameterStore = new Map();
  const destination = { backbone, classes: photos.classes };
  const report = fillFromWeights(parameters, loaded, await loadWeights(path), destination);
  await rm(path);
  expect(report).toMatchObject({ loaded: own.length, unused: [] });
  for (const [name, tensor] of store) if (!name.startsWith(prefix)) loaded.set(name, tensor);
  return loaded;
}

async function exportedLogits(
  backbone: Backbone,
  photos: Photos,
  store: ParameterStore,
): Promise<Float32Array> {
  const folder = await temporaryFolder();
  const context = contextOf(backbone, photos);
  const outputs = recogniserGraph(finetune, context, new Parameters(), SIZE);
  await exportRecogniser(folder, outputs, store, {
    classes: photos.classes,
    input: { size: SIZE, resizeShort: SIZE, mode: 'squash' },
    temperature: 1,
    backbone: backbone.name,
    method: finetune.name,
    licences: [],
    weights: { source: 'none' },
    trained: { dataset: 'eight images', images: BATCH, seed: 1, validationTop1: null },
  });
  return await answer(join(folder, MODEL_FILE), photos);
}

/** One test for each network: its numbers, up to half a gigabyte, are drawn once. */
export function describeVariants(variants: readonly Backbone[]): void {
  test.each(variants.map((backbone) => ({ name: backbone.name, backbone })))(
    '$name learns from a step, comes back from its file, and is exported',
    { timeout: 3_600_000 },
    async ({ backbone }) => {
      const photos = await eightPhotos();
      const fresh = freshStore(backbone, photos);
      const seen: number[][] = [];
      let store = fresh;
      for (const lowering of lowerings) {
        store = new Map(fresh);
        const losses = await twoSteps(backbone, photos, store, lowering);
        expect(losses[1]).toBeLessThan(losses[0]);
        seen.push(losses);
      }
      fresh.clear();
      // not the second losses: norms that follow eight images of 2 x 2 cells amplify rounding. Weights
      // that differ by one part in 10^7 move ResNet-50's by 0.3 %, one in 10^6 by 1.5 %
      for (const [first] of seen) expect([first]).toBeAllClose([seen[0][0]], { rtol: 1e-5 });

      const logits = await logitsOf(backbone, photos, store);
      const loaded = await savedAndLoaded(backbone, photos, store);
      store.clear();
      expect(await logitsOf(backbone, photos, loaded)).toEqual(logits);
      const scale = Math.max(...logits.map(Math.abs));
      const exported = await exportedLogits(backbone, photos, loaded);
      expect(exported).toBeAllClose(logits, { rtol: 0, atol: 1e-4 * scale });
    },
  );
}
