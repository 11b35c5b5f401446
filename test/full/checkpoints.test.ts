// Checkpoints as people's trainers write them (`npm run test:full`): one ResNet-18 in some fifty files of
// PyTorch and safetensors, made by ../shared/cases/weights/make.py. What holds it gives the same features.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setUpPeers } from '../../bench/peers/run-peer.ts';
import { bytesOf, type HostTensor } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import { convertNames } from '../../src/hub/convert.ts';
import { fillFromWeights, type LoadReport } from '../../src/hub/fill.ts';
import { networkParameters } from '../../src/hub/network-parameters.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { torchvisionDescription } from '../../src/hub/weights-description.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { IMAGE_INPUT, imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { createSession } from '../../src/runtime/node.ts';
import { relativeError } from '../support/numbers.ts';
import { onePhoto, SIZE } from '../support/variant.ts';

const make = resolve(import.meta.dirname, '../../../shared/cases/weights/make.py');
const backbone = findBackbone('resnet18');
const classes = ['ash', 'elm', 'oak'];

/** What must not load, and what is said. */
const refused: Readonly<Record<string, RegExp>> = {
  'resnet34_as_18.pth':
    /expected weights of resnet18, got those of resnet34: .*--backbone resnet34/,
  'resnet18d.safetensors': /got those of a ResNet-18 with a deep stem \(timm: resnet18d\)/,
  'scripted.pt': /got a TorchScript program.*torch\.jit\.load/,
  'whole_model.pth': /got a whole object, made by 'torchvision\.models\.resnet\.ResNet'/,
  'numpy.pkl': /got a pickle that torch\.save did not write.*safetensors/,
  'weights.npz': /got an archive of NumPy's arrays.*safetensors/,
};

/** What the features may differ by, where the numbers were rounded. */
const rounded: Readonly<Record<string, number>> = {
  'half.pth': 2e-3,
  'half.safetensors': 2e-3,
  'bf16.pth': 2e-2,
  'bf16.safetensors': 2e-2,
  'fp8.safetensors': 0.2,
};

/** The same network with a classifier of its own. */
const ownHead = ['fc_sequential.pth', 'sequential_children.pth'];
/** The same network with other numbers. */
const otherNumbers = ['timm_resnet18.pth'];

function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  if (!existsSync(make)) return `${make} is not there`;
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}

const reason = obstacle();
if (reason !== undefined) console.info(`checkpoints of people's trainers skipped: ${reason}`);

let folder: string;
let photo: HostTensor;

interface Loaded {
  readonly store: ParameterStore;
  readonly report: LoadReport;
  readonly features: Float32Array;
}

async function load(file: string): Promise<Loaded> {
  const store: ParameterStore = new Map();
  const weights = await loadWeights(join(folder, file));
  const report = fillFromWeights(networkParameters(backbone, 3), store, weights, {
    backbone,
    classes,
  });
  const scope = new Parameters().root().child('backbone');
  const image = normaliseImage(imageInput(1, SIZE), torchvisionDescription.input);
  const { pooled } = backbone.features(scope, image, { norms: 'frozen', padding: 'torch' });
  const session = await createSession(
    lower({ pooled }, { constants: (path) => store.get(path) }).bytes,
    { threads: 2 },
  );
  const out = await session.run({ [IMAGE_INPUT]: photo });
  await session.close();
  return { store, report, features: out.pooled.data as Float32Array };
}

describe.skipIf(reason !== undefined)("checkpoints of people's trainers", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldmark-checkpoints-'));
    const peers = setUpPeers() as { python: string };
    await promisify(execFile)(peers.python, [make, folder], { maxBuffer: 2 ** 26 });
    photo = await onePhoto();
  }, 600_000);
  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  test('each loads with the same features, or says why not', { timeout: 1_200_000 }, async () => {
    const files = await readdir(folder);
    expect(files.length).toBeGreaterThanOrEqual(49);
    expect(files).toEqual(expect.arrayContaining([...Object.keys(refused), ...ownHead]));
    const plain = await load('plain.pth');
    for (const file of files.filter((name) => !(name in refused))) {
      const { store, report, features } = await load(file);
      expect(report, file).toMatchObject({ loaded: 100, head: 'loaded' });
      if (otherNumbers.includes(file)) continue;
      const allowed = rounded[file] ?? 0;
      const error = relativeError(features, Float64Array.from(plain.features));
      expect(error, file).toBeLessThanOrEqual(allowed);
      if (allowed > 0 || ownHead.includes(file)) continue;
      for (const [path, tensor] of plain.store) {
        const same = Buffer.compare(bytesOf(store.get(path)!), bytesOf(tensor)) === 0;
        expect(same, `${path} of ${file}`).toBe(true);
      }
    }
  });

  test.each(Object.entries(refused))('%s is refused, in words', async (file, message) => {
    const error = await load(file).catch((cause) => cause);
    expect(error.code).toMatch(/^FM_(FORMAT|WEIGHTS)$/);
    expect(error.message).toMatch(message);
  });

  test.each(['resnet34_as_18.pth', 'resnet18d.safetensors'])(
    '%s is not converted as a ResNet-18',
    async (file) => {
      const weights = await loadWeights(join(folder, file));
      expect(() => convertNames(weights, backbone, 'timm')).toThrow(refused[file]);
    },
  );
});
