// ONNX files that PyTorch exported, as trunks and as weights, and our own MobileNetV2 as a trunk on
// real photographs: needs the Python peers and ../shared (`npm run test:full`).

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runPeer, setUpPeers } from '../../bench/peers/run-peer.ts';
import { type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { openTrunk } from '../../src/hub/onnx-trunk.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import type { Backbone } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput, normaliseImage, type PixelScale } from '../../src/nn/image-input.ts';
import { type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { readManifest } from '../../src/recognise/open-model.ts';
import { train } from '../../src/train/train.ts';
import { temporaryFolder } from '../support/files.ts';
import { relativeError } from '../support/numbers.ts';
import { runGraph } from '../support/run-graph.ts';

const shared = resolve(import.meta.dirname, '../../../shared');
const cub = join(shared, 'data/CUB_200_2011-first10');
const mobilenet = join(shared, 'weights/mobilenet_v2-imagenet.safetensors');
const SIZE = 64;

const full = process.env.FIELDMARK_FULL !== undefined;
/** Why PyTorch cannot be asked, or undefined. */
function obstacle(): string | undefined {
  if (!full) return 'FIELDMARK_FULL is not set';
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}
const reason = obstacle();
if (reason !== undefined) console.log(`test/full/onnx-trunk: without PyTorch, ${reason}`);

type Net = 'resnet18' | 'vit' | 'convnext';
type Exporter = 'torchscript' | 'torchscript-unfolded' | 'dynamo';

/** Exports, or says why it cannot. */
async function exported(net: Net, exporter: Exporter, batch: 'free' | 'fixed') {
  const folder = await temporaryFolder();
  const args = [net, exporter, folder, '--size', String(SIZE), '--batch', batch];
  const { why } = await runPeer<{ why?: string }>('export_onnx', args);
  if (why !== undefined) {
    console.log(`${net}, ${exporter}: skipped, ${why}`);
    return undefined;
  }
  const { tensors } = await readSafetensors(join(folder, 'expected.safetensors'));
  return { path: join(folder, 'net.onnx'), expected: tensors };
}

/** Relative errors of features and map of the photographs, one at a time or together. */
async function errors(
  backbone: Backbone,
  pixels: PixelScale,
  expected: ReadonlyMap<string, HostTensor>,
  options: { single: boolean; pooledName?: string; store?: ParameterStore },
) {
  const { single, pooledName = 'pooled', store } = options;
  const photos = expected.get('photos')!;
  const batch = single ? 1 : 2;
  const image = normaliseImage(imageInput(batch, SIZE), pixels);
  const build = { norms: 'frozen', padding: 'torch' } as const;
  const scope = new Parameters().root().child('backbone');
  const { pooled, map } = backbone.features(scope, image, build);
  const got: Record<string, number[]> = { pooled: [], map: [] };
  for (let first = 0; first < 2; first += batch) {
    const bytes = SIZE * SIZE * 3;
    const rows = photos.data.subarray(first * bytes, (first + batch) * bytes) as Uint8Array;
    const feeds = { image: hostTensor('uint8', [batch, SIZE, SIZE, 3], rows) };
    const constants = (path: string) => store?.get(path);
    const out = await runGraph({ pooled, map }, feeds, { constants });
    for (const name of ['pooled', 'map']) got[name].push(...out[name]);
  }
  const numbers = (name: string) => expected.get(name)!.data as Float32Array;
  return {
    pooled: relativeError(Float32Array.from(got.pooled), numbers(pooledName)),
    map: relativeError(Float32Array.from(got.map), numbers('map')),
  };
}

const exporters: Exporter[] = ['torchscript', 'dynamo'];
const cases = (['resnet18', 'vit', 'convnext'] as const).flatMap((net) =>
  exporters.flatMap((exporter) =>
    (['free', 'fixed'] as const).map((batch) => ({ net, exporter, batch })),
  ),
);

describe.skipIf(reason !== undefined)("PyTorch's exports", () => {
  test.for(cases)(
    '$net by $exporter, batch $batch, is a trunk with its features',
    async (c, context) => {
      const file = await exported(c.net, c.exporter, c.batch);
      if (file === undefined) return context.skip();
      const trunk = await openTrunk(file.path, SIZE);
      const single = trunk.notes.some((note) => note.includes('one image at a time'));
      console.log(`${c.net}, ${c.exporter}, ${c.batch}: ${trunk.notes.join('; ')}`);
      if (c.batch === 'free') expect(single).toBe(false);
      const found = await errors(trunk.backbone, trunk.pixels, file.expected, { single });
      console.log(
        `relative errors ${found.pooled.toExponential(1)}, ${found.map.toExponential(1)}`,
      );
      expect(found.pooled).toBeLessThan(1e-5);
      expect(found.map).toBeLessThan(1e-5);
    },
  );

  test.for(['torchscript', 'torchscript-unfolded', 'dynamo'] as const)(
    'resnet18 by %s gives its weights',
    async (exporter, context) => {
      const file = await exported('resnet18', exporter, 'free');
      if (file === undefined) return context.skip();
      const weights = await loadWeights(file.path);
      const backbone = findBackbone('resnet18');
      const parameters = new Parameters();
      const image = normaliseImage(imageInput(1, SIZE), weights.description.input);
      const build = { norms: 'frozen', padding: 'torch' } as const;
      backbone.features(parameters.root().child('backbone'), image, build);
      const store: ParameterStore = new Map();
      const { unused } = fillFromWeights(parameters, store, weights, { backbone, classes: [] });
      console.log(`${exporter}: norms ${weights.description.norms}, unused ${unused.join(', ')}`);
      const options = { single: false, pooledName: 'average', store };
      const found = await errors(backbone, weights.description.input, file.expected, options);
      console.log(
        `relative errors ${found.pooled.toExponential(1)}, ${found.map.toExponential(1)}`,
      );
      expect(found.pooled).toBeLessThan(1e-5);
      expect(found.map).toBeLessThan(1e-5);
    },
  );
});

test.skipIf(!full || !existsSync(cub))(
  'our MobileNetV2 as a trunk: a head on it is that on the network itself',
  async () => {
    const folder = await temporaryFolder();
    const [net, trunk] = ['net', 'trunk'].map((name) => join(folder, name));
    const common = { data: cub, stages: 'head', epochs: 40, threads: 2 };
    const own = await train({ out: net, config: { ...common, weights: mobilenet } });
    const backbone = `onnx:${join(net, 'model/model.onnx')}`;
    const other = await train({ out: trunk, config: { ...common, backbone } });
    console.log(`validation ${own.valTop1} and ${other.valTop1}`);
    expect(other.valTop1).toBe(own.valTop1);
    const [a, b] = await Promise.all([net, trunk].map((run) => readManifest(join(run, 'model'))));
    const scale = Math.max(...a.golden.logits.map(Math.abs));
    expect(b.golden.logits).toBeAllClose(a.golden.logits, { rtol: 0, atol: 1e-3 * scale });
  },
  600_000,
);
