// The feature cache: rows come back by content, other networks see nothing, damage is repaired.

import { createHash } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { FeatureCache } from '../../src/recognise/feature-cache.ts';
import { temporaryFolder } from '../support/files.ts';

const hashOf = (i: number) => createHash('sha256').update(`${i}`).digest('hex');
const rowOf = (i: number) => Float32Array.of(i, -i, 1 / (i + 1));

async function fill(root: string, rows: readonly number[], key = ['net', 'crop']): Promise<void> {
  const cache = await FeatureCache.open(root, key, () => {});
  for (const i of rows) await cache.put(hashOf(i), rowOf(i));
  await cache.flush();
}

/** The notes made, and which of these rows are found. */
async function look(root: string, rows: readonly number[], key = ['net', 'crop']) {
  const notes: string[] = [];
  const cache = await FeatureCache.open(root, key, (text) => notes.push(text));
  const found = rows.filter((i) => cache.get(hashOf(i)) !== undefined);
  for (const i of found) expect(cache.get(hashOf(i))).toEqual(rowOf(i));
  return { notes, found };
}

async function shards(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  return names.filter((name) => name.endsWith('.safetensors')).map((name) => join(root, name));
}

test('rows are found again, in files of several passes', async () => {
  const root = await temporaryFolder();
  await fill(root, [0, 1, 2]);
  await fill(root, [3]);
  await fill(root, []);
  expect(await shards(root)).toHaveLength(2);
  expect(await look(root, [0, 1, 2, 3, 4])).toEqual({ notes: [], found: [0, 1, 2, 3] });
});

test('a row is there before it is flushed, and lost without a flush', async () => {
  const root = await temporaryFolder();
  const cache = await FeatureCache.open(root, ['k'], () => {});
  await cache.put(hashOf(0), rowOf(0));
  expect(cache.get(hashOf(0))).toEqual(rowOf(0));
  expect(await shards(root)).toEqual([]);
});

test('long passes are written as they go', async () => {
  const root = await temporaryFolder();
  const cache = await FeatureCache.open(root, ['net', 'crop'], () => {});
  for (let i = 0; i < 600; i++) await cache.put(hashOf(i), rowOf(i));
  expect(await shards(root)).toHaveLength(1);
  expect((await look(root, [0, 511, 512, 599])).found).toEqual([0, 511]);
});

test('another network or preprocessing finds nothing', async () => {
  const root = await temporaryFolder();
  await fill(root, [0]);
  expect((await look(root, [0], ['net', 'squash'])).found).toEqual([]);
  expect((await look(root, [0], ['netcrop'])).found).toEqual([]);
});

test('a damaged file is named, removed and costs its own rows only', async () => {
  const root = await temporaryFolder();
  await fill(root, [0, 1]);
  const [first] = await shards(root);
  await fill(root, [2]);
  await truncate(first, (await readFile(first)).length - 3);
  const { notes, found } = await look(root, [0, 1, 2]);
  expect(found).toEqual([2]);
  expect(notes).toEqual([expect.stringContaining(`${first} is damaged and is computed again`)]);
  expect(await shards(root)).not.toContain(first);
  await fill(root, [0, 1]);
  expect((await look(root, [0, 1, 2])).found).toEqual([0, 1, 2]);
});

test('so is a file of another kind or without its tensors', async () => {
  const root = await temporaryFolder();
  await fill(root, [0]);
  const folder = join(root, (await readdir(root))[0]);
  await writeFile(join(folder, 'text.safetensors'), 'hello');
  await writeSafetensors(join(folder, 'alien.safetensors'), new Map([['x', float32([1], [1])]]));
  const { notes, found } = await look(root, [0]);
  expect(found).toEqual([0]);
  expect(notes).toHaveLength(2);
});
