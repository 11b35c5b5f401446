// A run that starts from weights by name: what it records, that it resumes without a network, and
// what a person is told.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readManifest } from '../../src/recognise/open-model.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { readRunConfig, runPaths } from '../../src/train/run-folder.ts';
import { type FileServer, file, fileServer } from '../support/file-server.ts';
import { bytesOf, commit, HUB, publish, sha } from '../support/hub.ts';
import { saveBackbone, stopHere, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const name = 'hf:me/tiny';
const exact = `hf:me/tiny/model.safetensors@${commit}`;
let weights: Uint8Array;
let server: FileServer;

const config = {
  architecture: 'resnetaa50',
  num_classes: 4,
  pretrained_cfg: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], input_size: [3, 32, 32] },
};

beforeAll(async () => {
  await trainHere(world.data, place('before'), { epochs: 1 });
  await saveBackbone(place('before'), place('tiny.safetensors'));
  weights = await readFile(place('tiny.safetensors'));
});

beforeEach(async () => {
  server = await fileServer();
  const files = { 'model.safetensors': weights, 'config.json': bytesOf(config) };
  publish(server, { name: 'me/tiny', files, licence: 'cc-by-4.0' });
  const { fetch } = server;
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    url.startsWith('https:') ? fetch(url, init) : original(url, init),
  );
  return () => vi.unstubAllGlobals();
});
const original = globalThis.fetch;

const head = { stages: 'head', epochs: 2 } as const;

describe('a run from the hub', () => {
  test('records exactly what it used, and resumes without a network', async () => {
    const notes: string[] = [];
    const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
    await trainHere(world.data, place('hub'), { ...head, weights: name }, { onEvent });
    expect((await readRunConfig(place('hub'))).weights, 'as given').toBe(name);
    const manifest = await readManifest(runPaths(place('hub')).model);
    expect(manifest.weights).toEqual({ source: exact, sha256: sha(weights) });
    expect(manifest.licences).toContain('weights: cc-by-4.0');
    expect(notes).toContain(
      `weights ${exact}: input described by config.json of me/tiny (32 pixels, 4 classes)`,
    );
    expect(notes).toContain(`weights: SHA-256 ${sha(weights)}, licence cc-by-4.0`);
    expect(notes.join('\n')).toContain(
      "of timm's network 'resnetaa50', which may not be resnet_tiny",
    );

    vi.stubGlobal('fetch', () => Promise.reject(new Error('the network is not needed')));
    const offline = { ...head, weights: name, offline: true };
    await trainHere(world.data, place('hub'), offline, { mode: 'resume' });
    await trainHere(world.data, place('again'), offline);
    expect((await readManifest(runPaths(place('again')).model)).sha256).toBe(manifest.sha256);
  });

  test('offline with an empty cache nothing is begun', async () => {
    process.env.FIELDMARK_CACHE = place('empty');
    const changes = { ...head, weights: name, offline: true };
    await expect(trainHere(world.data, place('none'), changes)).rejects.toMatchObject({
      code: 'FM_DOWNLOAD',
      message: expect.stringContaining(
        `save it as ${place('empty/weights/hf/me/tiny/main/model')}`,
      ),
    });
    await expect(readRunConfig(place('none'))).rejects.toMatchObject({ code: 'FM_RUN' });
  });

  test('stopped while it fetches, it ends as a run does', async () => {
    process.env.FIELDMARK_CACHE = place('stopped-cache');
    const url = `https://cdn.test/${commit}/model.safetensors`;
    server.at(url, file(weights, { cut: 50_000, hang: true }));
    const fetches = (event: TrainEvent) => event.kind === 'progress' && event.unit === 'MB';
    await stopHere(world.data, place('stopped'), { ...head, weights: name }, fetches);
    expect(server.asked.some(({ url: asked }) => asked.startsWith(HUB))).toBe(true);
  });
});

test('without weights the note says which there would be', async () => {
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  await trainHere(world.data, place('random'), { epochs: 1 }, { onEvent });
  expect(notes.join('\n')).toContain(
    'weights none: the network starts from random numbers; no weights of resnet_tiny are known',
  );
  expect(server.asked).toEqual([]);
});
