// State dicts as PyTorch saves them, of every network that torchvision or timm has: each file loads with
// nothing missing, and the features of a real image are PyTorch's.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runPeer, setUpPeers } from '../../bench/peers/run-peer.ts';
import { bytesOf } from '../../src/core/tensor.ts';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts';
import { lower } from '../../src/graph/lower.ts';
import { fillFromWeights } from '../../src/hub/fill.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import type { Backbone } from '../../src/nn/backbones/backbone.ts';
import { backbones } from '../../src/nn/backbones/table.ts';
import { IMAGE_INPUT, imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { createSession } from '../../src/runtime/node.ts';
import { relativeError } from '../support/numbers.ts';
import { onePhoto, SIZE } from '../support/variant.ts';

/** No library has these. */
const own = ['vgg_m', 'resnet_tiny'];
const variants = backbones.filter(({ name }) => !own.includes(name));
/** What state_dicts.py writes. */
const files = ['weights.safetensors', 'weights.pth', 'old.pth'];

/** Why the tests cannot run, or undefined. */
function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}

const reason = obstacle();
if (reason !== undefined) console.info(`state dicts of PyTorch skipped: ${reason}`);

/** The network's features of one image, and the parameters that it asks for. */
function features(backbone: Backbone) {
  const parameters = new Parameters();
  const scope = parameters.root().child('backbone');
  const image = normaliseImage(imageInput(1, SIZE), torchvisionDescription.input);
  const { pooled } = backbone.features(scope, image, { norms: 'frozen', padding: 'torch' });
  return { parameters, pooled };
}

/** The backbone's numbers out of a file; what is left over must be classifiers. */
async function loaded(backbone: Backbone, parameters: Parameters, file: string) {
  const store: ParameterStore = new Map();
  const weights = await loadWeights(file);
  const { unused } = fillFromWeights(parameters, store, weights, { backbone, classes: [] });
  const head = new RegExp(`^(${backbone.headPath.replaceAll('.', '\\.')}|aux\\d)\\.`);
  expect(unused.filter((name) => !head.test(name))).toEqual([]);
  return store;
}

describe.skipIf(reason !== undefined)('state dicts of PyTorch', () => {
  test.each(variants.map((backbone) => ({ name: backbone.name, backbone })))(
    '$name',
    { timeout: 3_600_000 },
    async ({ name, backbone }) => {
      const folder = await mkdtemp(join(tmpdir(), 'fieldmark-states-'));
      try {
        const photo = await onePhoto();
        const image = join(folder, 'image.safetensors');
        await writeSafetensors(image, new Map([['image', photo]]));
        const net = name === 'googlenet' ? 'googlenet:auxiliaries' : name; // as published
        const flags = { net, head: backbone.headPath, image, out: folder };
        const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
        await runPeer('state_dicts', args);
        const expected = await readSafetensors(join(folder, 'features.safetensors'));

        const { parameters, pooled } = features(backbone);
        const store = await loaded(backbone, parameters, join(folder, files[0]));
        await rm(join(folder, files[0]));
        for (const file of files.slice(1)) {
          const other = await loaded(backbone, parameters, join(folder, file));
          await rm(join(folder, file));
          for (const [path, tensor] of store) {
            const same = Buffer.compare(bytesOf(other.get(path)!), bytesOf(tensor)) === 0;
            expect(same, `${path} of ${file}`).toBe(true);
          }
        }
        const model = lower({ pooled }, { constants: (path) => store.get(path) });
        store.clear();
        const session = await createSession(model.bytes, { threads: 2 });
        const got = await session.run({ [IMAGE_INPUT]: photo });
        await session.close();
        const exact = expected.tensors.get('pooled')!.data as Float32Array;
        expect(relativeError(got.pooled.data as Float32Array, exact)).toBeLessThan(1e-4);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
