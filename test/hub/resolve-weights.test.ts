// Weights by name, from a hub that is played: repositories in timm's layout, addresses with hashes,
// and what happens without a network.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import type { DownloadOptions } from '../../src/hub/download-request.ts';
import { resolveWeights } from '../../src/hub/resolve-weights.ts';
import { loadWeights } from '../../src/hub/weights.ts';
import { file, fileServer, status } from '../support/file-server.ts';
import { temporaryFolder } from '../support/files.ts';
import { bytesOf, commit, HUB, publish, type Repository, sha } from '../support/hub.ts';

const later = 'decade'.padEnd(40, '0');

let cache: string;
beforeEach(async () => {
  cache = await temporaryFolder();
  process.env.FIELDMARK_CACHE = cache;
});
afterEach(() => {
  delete process.env.HF_TOKEN;
});

/** A small safetensors file. */
async function weightsFile(metadata: Record<string, string> = {}): Promise<Uint8Array> {
  const path = join(await temporaryFolder(), 'w.safetensors');
  await writeSafetensors(path, new Map([['conv.weight', float32([2], [1, 2])]]), metadata);
  return await readFile(path);
}

/** config.json as timm writes it. */
const timmConfig = {
  architecture: 'resnet18',
  num_classes: 37,
  num_features: 512,
  pretrained_cfg: {
    tag: 'x_in1k',
    input_size: [3, 288, 288],
    interpolation: 'bicubic',
    crop_pct: 0.95,
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.2, 0.2],
    num_classes: 37,
    classifier: 'fc',
    license: 'bsd-3-clause',
  },
};

/** A hub with one good repository, and a way to ask it. */
async function hub(changes: Partial<Repository> = {}) {
  const server = await fileServer();
  const weights = await weightsFile();
  const files = { 'model.safetensors': weights, 'config.json': bytesOf(timmConfig) };
  publish(server, { files, licence: 'apache-2.0', ...changes });
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const ask = async (name: string, options: DownloadOptions = {}) =>
    (await resolveWeights(name, { fetch: server.fetch, pause: 1, note, ...options }))!;
  return { server, weights, files, notes, ask };
}

const folderOf = (name = 'timm/net.x', revision = 'main') =>
  join(cache, 'weights', 'hf', name, revision);

/** All files of the cache, relative to it. */
async function cached(): Promise<string[]> {
  const entries = await readdir(cache, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(cache.length + 1))
    .sort();
}

test('none, and a path, are what they are', async () => {
  expect(await resolveWeights('none')).toBeUndefined();
  expect(await resolveWeights('dir/net.pth')).toEqual({ path: 'dir/net.pth', name: 'dir/net.pth' });
});

describe('the hub', () => {
  test("a repository of timm's says commit, licence and input", async () => {
    const { ask, weights } = await hub();
    const resolved = await ask('hf:timm/net.x');
    const name = `hf:timm/net.x/model.safetensors@${commit}`;
    expect(resolved).toEqual({
      path: join(folderOf(), 'model.safetensors'),
      name,
      sha256: sha(weights),
      description: {
        input: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2], size: 288 },
        licence: 'apache-2.0',
        source: name,
      },
      describedBy: 'config.json of timm/net.x (288 pixels, bicubic, 37 classes)',
      architecture: 'resnet18',
    });
    const loaded = await loadWeights(resolved.path, resolved);
    expect(loaded).toMatchObject({
      hash: sha(weights),
      describedBy: resolved.describedBy,
      description: { ...resolved.description, padding: 'torch', norms: 'train' },
    });
    expect(await cached()).toEqual(
      ['.listing.json', 'config.json', 'model.safetensors'].map(
        (file) => `weights/hf/timm/net.x/main/${file}`,
      ),
    );
  });

  test('what was fetched once keeps its meaning, without a network', async () => {
    const { ask, server, files } = await hub();
    const first = await ask('hf:timm/net.x');
    const count = server.asked.length;
    publish(server, { at: later, files });
    expect(await ask('hf:timm/net.x')).toEqual(first);
    expect(await ask('hf:timm/net.x', { offline: true })).toEqual(first);
    expect(server.asked).toHaveLength(count);
    await rm(folderOf(), { recursive: true });
    expect((await ask('hf:timm/net.x')).name).toContain(later);
  });

  test('the table describes its own names where the repository is silent', async () => {
    const name = 'timm/resnet18.tv_in1k';
    const weights = await weightsFile();
    const { ask } = await hub({
      name,
      files: { 'model.safetensors': weights },
      licence: undefined,
    });
    expect(await ask(`hf:${name}`)).toMatchObject({
      description: { backbone: 'resnet18', licence: 'BSD-3-Clause', input: { size: 224 } },
      describedBy: 'the table of known weights (timm resnet18.tv_in1k)',
    });
  });

  test('what a file says of itself wins', async () => {
    const own = {
      input: { mean: [0, 0, 0], std: [1, 1, 1], size: 96 },
      padding: 'same',
      norms: 'frozen',
      source: 'a field trip',
    };
    const weights = await weightsFile({ fieldmark: JSON.stringify(own) });
    const { ask } = await hub({ files: { 'model.safetensors': weights } });
    const resolved = await ask('hf:timm/net.x');
    const { description, describedBy } = await loadWeights(resolved.path, resolved);
    expect(describedBy).toBe('its metadata');
    expect(description).toEqual({
      ...own,
      licence: 'apache-2.0',
      source: `${resolved.name} (a field trip)`,
    });
  });

  test('older repositories: pytorch_model.bin, and a config.json of one level', async () => {
    const { pretrained_cfg: inner, ...outer } = timmConfig;
    const files = {
      'pytorch_model.bin': await weightsFile(),
      'config.json': bytesOf({ ...outer, ...inner }),
    };
    const { ask } = await hub({ files });
    expect(await ask('hf:timm/net.x')).toMatchObject({
      path: join(folderOf(), 'pytorch_model.bin'),
      description: { input: { size: 288 } },
    });
  });

  test('a file and a revision may be named', async () => {
    const weights = await weightsFile();
    const files = { 'deep/other.safetensors': weights };
    const { ask } = await hub({ files, revision: 'refs%2Fpr%2F1' });
    expect(await ask('hf:timm/net.x/deep/other.safetensors@refs/pr/1')).toMatchObject({
      path: join(folderOf('timm/net.x', 'refs%2Fpr%2F1'), 'deep/other.safetensors'),
      name: `hf:timm/net.x/deep/other.safetensors@${commit}`,
    });
  });

  test('the token goes to the hub and nowhere else', async () => {
    process.env.HF_TOKEN = 'secret';
    const { ask, server } = await hub();
    await ask('hf:timm/net.x');
    for (const { url, headers } of server.asked) {
      expect(headers.authorization, url).toBe(url.startsWith(HUB) ? 'Bearer secret' : undefined);
    }
  });

  test.each([
    [
      'a repository that is not there',
      'hf:timm/nothing',
      /^timm\/nothing\/model\.safetensors: .*404/,
    ],
    [
      'a file that is not',
      'hf:timm/net.x/b.bin',
      /expected b\.bin in the repository, got model\.saf/,
    ],
  ])('%s', async (_, name, message) => {
    const { ask } = await hub();
    await expect(ask(name)).rejects.toMatchObject({
      code: 'FM_DOWNLOAD',
      message: expect.stringMatching(message),
    });
    expect(await cached()).toEqual([]);
  });

  test('a repository without weights says what it has', async () => {
    const { ask } = await hub({ files: { 'README.md': bytesOf('') } });
    await expect(ask('hf:timm/net.x')).rejects.toThrow(
      /expected model\.safetensors or pytorch_model\.bin .*got README\.md at c0ffee/,
    );
  });

  test.each(['<html>', '{"sha": 5}', '{"sha": "main", "siblings": []}'])(
    'an answer that is none: %s',
    async (text) => {
      const { ask, server } = await hub();
      const url = `${HUB}/api/models/timm/net.x/revision/main?blobs=true`;
      server.at(url, file(new TextEncoder().encode(text)));
      await expect(ask('hf:timm/net.x')).rejects.toMatchObject({
        code: 'FM_DOWNLOAD',
        message: expect.stringContaining('an answer that describes no repository'),
      });
    },
  );

  test('429 and half an answer, then the repository', async () => {
    const { ask, server, files } = await hub();
    const url = `${HUB}/api/models/timm/net.x/revision/main?blobs=true`;
    const siblings = [{ rfilename: 'model.safetensors', size: files['model.safetensors'].length }];
    const good = bytesOf({ sha: commit, siblings });
    server.at(url, status(429), file(good, { cut: 20 }), file(good));
    expect(await ask('hf:timm/net.x')).toMatchObject({
      description: { source: expect.any(String) },
    });
  });

  test('names in a repository do not lead out of the cache', async () => {
    const bytes = await weightsFile();
    const { ask } = await hub({ files: { '../../../evil': bytes, 'model.safetensors': bytes } });
    await ask('hf:timm/net.x');
    expect(await cached()).toEqual([
      'weights/hf/timm/net.x/main/.listing.json',
      'weights/hf/timm/net.x/main/model.safetensors',
    ]);
  });

  test('weights that do not have the listed hash leave nothing behind', async () => {
    const size = (await weightsFile()).length;
    const listed = { 'model.safetensors': { lfs: { sha256: 'ab'.repeat(32), size } } };
    const { ask } = await hub({ listed });
    await expect(ask('hf:timm/net.x')).rejects.toMatchObject({
      code: 'FM_DOWNLOAD',
      message: expect.stringContaining(`expected a file with SHA-256 ${'ab'.repeat(32)}`),
    });
    expect(await cached()).toEqual([]);
  });

  test('a config.json that is damaged is named', async () => {
    const broken = { ...timmConfig, pretrained_cfg: { mean: [1, 2], std: 0 } };
    const files = { 'model.safetensors': await weightsFile(), 'config.json': bytesOf(broken) };
    const { ask } = await hub({ files });
    await expect(ask('hf:timm/net.x')).rejects.toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining(join(folderOf(), 'config.json')),
    });
  });
});

describe('an address', () => {
  const url = 'https://files.test/a/net.safetensors';
  const place = () => join(cache, 'weights/https/files.test/a/net.safetensors');

  test('is verified, and recorded with its whole hash', async () => {
    const { ask, server, weights } = await hub();
    server.at(url, file(weights));
    const name = `${url}#sha256=${sha(weights)}`;
    expect(await ask(name)).toEqual({
      path: place(),
      name,
      sha256: sha(weights),
      description: { source: name },
    });
    const wrong = `${url}#sha256=${'0'.repeat(64)}`;
    await expect(ask(wrong)).rejects.toMatchObject({ code: 'FM_DOWNLOAD' });
    expect(sha(await readFile(place())), 'what was good before is unharmed').toBe(sha(weights));
  });

  test('of eight digits, as in the table of known weights', async () => {
    const { ask, server, weights } = await hub();
    const short = `https://files.test/net-${sha(weights).slice(0, 8)}.pth`;
    server.at(short, file(weights));
    expect(await ask(short)).toMatchObject({ name: `${short}#sha256=${sha(weights)}` });
    const known = 'https://download.pytorch.org/models/googlenet-1378be20.pth';
    await expect(ask(known, { offline: true })).rejects.toThrow(
      `Fetch ${known} and save it as ` +
        join(cache, 'weights/https/download.pytorch.org/models/googlenet-1378be20.pth'),
    );
  });
});

describe('without a network', () => {
  const dead: typeof fetch = (_, init) => fetch('http://127.0.0.1:1/', init);

  test('the error names the address and the place', async () => {
    const { ask } = await hub();
    const place = join(folderOf(), 'model.safetensors');
    const told = `Fetch ${HUB}/timm/net.x/resolve/main/model.safetensors and save it as ${place}.`;
    await expect(ask('hf:timm/net.x', { fetch: dead })).rejects.toMatchObject({
      code: 'FM_DOWNLOAD',
      message: expect.stringContaining(told),
    });
    await expect(ask('hf:timm/net.x', { offline: true })).rejects.toThrow(told);
    expect(await cached()).toEqual([]);
  });

  test.each([
    ['--offline', { offline: true }],
    ['a dead network', { fetch: dead }],
  ])('files put there by hand serve: %s', async (_, options) => {
    const { ask, files, notes, weights } = await hub();
    const path = join(folderOf(), 'model.safetensors');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, weights);
    expect(await ask('hf:timm/net.x', options)).toMatchObject({
      path,
      name: 'hf:timm/net.x/model.safetensors@main',
      sha256: sha(weights),
    });
    expect(notes.join()).toMatch(/without .*config\.json \(from https:.*\) the input is assumed/);
    await writeFile(join(folderOf(), 'config.json'), files['config.json']);
    expect(await ask('hf:timm/net.x', options)).toMatchObject({
      description: { input: { size: 288 }, licence: 'bsd-3-clause' },
    });
  });

  test('with one, a file put there by hand is verified and kept, or replaced', async () => {
    const { ask, server, weights } = await hub();
    const path = join(folderOf(), 'model.safetensors');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, weights);
    await ask('hf:timm/net.x');
    const fetched = () => server.asked.filter(({ url }) => url.endsWith('model.safetensors'));
    expect(fetched()).toHaveLength(0);
    await writeFile(path, 'something else');
    await expect(ask('hf:timm/net.x', { offline: true })).rejects.toThrow('another file, with SHA');
    await ask('hf:timm/net.x');
    expect(sha(await readFile(path))).toBe(sha(weights));
  });
});
