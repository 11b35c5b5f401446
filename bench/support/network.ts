// A backbone with a linear head of 1000 classes on raw pixels. Its numbers are drawn as the peers'
// are (test/goldens/networks.py), so that both sides compute with finite numbers of the same size.

import { randomStream } from '../../src/core/random.ts';
import { float32, type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import type { Value } from '../../src/graph/value.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { linear, type NormMode } from '../../src/nn/layers.ts';
import { type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { fillTensor } from '../../test/support/golden.ts';

/** ImageNet's, as in torchvision's networks. */
export const CLASSES = 1000;

export interface Network {
  readonly parameters: Parameters;
  /** Numbers of every parameter. */
  readonly store: ParameterStore;
  /** [batch, channels] */
  readonly pooled: Value;
  /** [batch, 1000] */
  readonly logits: Value;
}

/** Takes the input `image`, uint8 [batch, size, size, 3]. */
export function buildNetwork(
  name: string,
  norms: NormMode,
  { batch, size }: { readonly batch: number; readonly size: number },
): Network {
  const parameters = new Parameters();
  const scope = parameters.root();
  const pixels = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
  const image = normaliseImage(imageInput(batch, size), pixels);
  const build = { norms, padding: 'torch' } as const;
  const { pooled } = findBackbone(name).features(scope.child('backbone'), image, build);
  const logits = linear(scope.child('head'), pooled, CLASSES);
  // residual networks sum their branches: a larger variance keeps the activations tame
  const runningVar = name.includes('resnet') ? ([3, 4] as const) : ([0.8, 1.2] as const);
  const store: ParameterStore = new Map();
  for (const { path, shape } of parameters.specs.values()) {
    store.set(path, float32(shape, fillTensor(path, shape, { runningVar })));
  }
  return { parameters, store, pooled, logits };
}

/** Random bytes, uint8 [batch, size, size, 3]. */
export function randomImages(batch: number, size: number): HostTensor<'uint8'> {
  const shape = [batch, size, size, 3];
  const stream = randomStream(0, 'bench', 'images');
  const data = new Uint8Array(batch * size * size * 3);
  const words = new Uint32Array(data.buffer, 0, Math.floor(data.length / 4));
  for (let i = 0; i < words.length; i++) words[i] = stream.uint32();
  return hostTensor('uint8', shape, data);
}
