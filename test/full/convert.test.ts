// Networks trained and converted here, in torchvision and timm (`npm run test:full`): they load with
// strict=True and give the same logits.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runPeer, setUpPeers } from '../../bench/peers/run-peer.ts';
import { float32 } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { lower } from '../../src/graph/lower.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { convertNames } from '../../src/hub/convert.ts';
import { networkParameters } from '../../src/hub/network-parameters.ts';
import type { LoadedWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import type { Backbone } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { linear } from '../../src/nn/layers.ts';
import { type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { goldenImage } from '../../src/recognise/manifest.ts';
import { createSession } from '../../src/runtime/node.ts';
import { weightsOfRun } from '../../src/train/run-weights.ts';
import { fillInput, fillTensor } from '../support/golden.ts';
import { relativeError } from '../support/numbers.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const CLASSES = 4;
const SIZE = 64;

function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}

const reason = obstacle();
if (reason !== undefined) console.info(`conversion for torchvision and timm skipped: ${reason}`);
const world = tinyWorld();

async function peerLogits(library: string, model: string, weights: string, image: Float32Array) {
  const path = join(world.folder, 'image.safetensors');
  await writeSafetensors(path, new Map([['image', float32([1, 3, SIZE, SIZE], image)]]));
  const flags = { library, model, classes: CLASSES, weights, image: path };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  return await runPeer<{ logits: number[]; error: number }>('forward', args);
}

/** Of scaling the pixels, which only ours does in float32: two of its steps. */
const ROUNDING = 2 ** -22;

/** DECISIONS, "Gradient agreement": within twice what float32 costs PyTorch itself. */
function expectEqual(ours: Float32Array, theirs: { logits: number[]; error: number }): void {
  const error = relativeError(ours, Float64Array.from(theirs.logits));
  console.info(`ours ${error.toExponential(1)}, PyTorch ${theirs.error.toExponential(1)}`);
  expect(error).toBeLessThanOrEqual(2 * Math.max(theirs.error, ROUNDING));
}

/** What the network sees of raw pixels under torchvision's scale. */
function normalised(pixels: Uint8Array): Float32Array {
  const { mean, std } = torchvisionDescription.input;
  const out = new Float32Array(pixels.length);
  const area = SIZE * SIZE;
  for (let i = 0; i < pixels.length; i++) {
    const c = i % 3;
    out[c * area + (i - c) / 3] = (pixels[i] / 255 - mean[c]) / std[c];
  }
  return out;
}

/** A network with numbers that every machine draws alike, and its logits by ours. */
async function filled(backbone: Backbone, image: Float32Array) {
  const store: ParameterStore = new Map();
  const { specs } = networkParameters(backbone, CLASSES);
  const nameOf = (path: string) =>
    path.replace(/^backbone\./, '').replace(/^head\./, `${backbone.headPath}.`);
  for (const { path, shape } of specs.values()) {
    const data = fillTensor(nameOf(path), shape, { runningVar: [0.5, 1.5] });
    store.set(path, float32(shape, data));
  }
  const root = new Parameters().root();
  const x = input('image', [1, 3, SIZE, SIZE]);
  const build = { norms: 'frozen', padding: 'torch' } as const;
  const { pooled } = backbone.features(root.child('backbone'), x, build);
  const logits = linear(root.child('head'), pooled, CLASSES);
  const session = await createSession(lower({ logits }, { constants: (p) => store.get(p) }).bytes);
  const out = await session.run({ image: float32([1, 3, SIZE, SIZE], image) });
  await session.close();
  const tensors = new Map([...store].map(([path, tensor]) => [nameOf(path), tensor]));
  const weights = { path: backbone.name, tensors, description: torchvisionDescription };
  return { logits: out.logits.data as Float32Array, weights: weights as unknown as LoadedWeights };
}

describe.skipIf(reason !== undefined)('converted networks elsewhere', () => {
  test('a run loads in torchvision and answers as the recogniser does', {
    timeout: 600_000,
  }, async () => {
    const run = join(world.folder, 'run');
    await trainHere(world.data, run, { backbone: 'resnet18', size: SIZE, epochs: 1 });
    const file = join(world.folder, 'run.safetensors');
    const weights = await weightsOfRun(run);
    await writeSafetensors(file, convertNames(weights, findBackbone('resnet18'), 'torchvision'));
    const pixels = goldenImage(SIZE);
    const theirs = await peerLogits('torchvision', 'resnet18', file, normalised(pixels));
    const recogniser = await loadRecogniser(run);
    const view = { width: SIZE, height: SIZE, channels: 3, data: pixels } as never;
    const { logits } = await recogniser.predictView(view, [0, 0, SIZE, SIZE]);
    await recogniser.close();
    expectEqual(logits, theirs);
  });

  test.each([
    ['mobilenet_v2', 'timm', 'mobilenetv2_100'],
    ['mobilenet_v2_050', 'timm', 'mobilenetv2_050'],
    ['mobilenet_v2_140', 'timm', 'mobilenetv2_140'],
    ['vgg11_bn', 'timm', 'vgg11_bn'],
    ['vgg16', 'timm', 'vgg16'],
    ['densenet121', 'timm', 'densenet121'],
    ['resnet50', 'timm', 'resnet50'],
    ['seresnet50', 'timm', 'seresnet50'],
    ['mobilenet_v2', 'torchvision', 'mobilenet_v2'],
    ['googlenet', 'torchvision', 'googlenet'],
    ['alexnet', 'torchvision', 'alexnet'],
  ] as const)('%s in %s', { timeout: 600_000 }, async (name, library, model) => {
    const image = fillInput([1, 3, SIZE, SIZE]);
    const { logits, weights } = await filled(findBackbone(name), image);
    const file = join(world.folder, `${name}-${library}.safetensors`);
    await writeSafetensors(file, convertNames(weights, findBackbone(name), library));
    const theirs = await peerLogits(library, model, file, image);
    expectEqual(logits, theirs);
  });
});
