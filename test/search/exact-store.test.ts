// The exact store against plain loops, and its file: read back as it was, or refused.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts';
import { ExactStore } from '../../src/search/exact-store.ts';
import type { IndexAbout, IndexedModel } from '../../src/search/index-about.ts';
import { checkSameModel, writeIndex } from '../../src/search/index-file.ts';
import { temporaryFolder } from '../support/files.ts';

const model = {
  kind: 'weights',
  path: 'w.safetensors',
  sha256: 'a'.repeat(64),
  backbone: 'mobilenet_v2',
  size: 224,
  layers: 1,
  flip: false,
} as const;
const about: IndexAbout = { model };

function randomVectors(n: number, d: number, seed = 0): Float32Array {
  const r = randomStream(seed, 'vectors');
  return Float32Array.from({ length: n * d }, () => r.normal());
}

function named(n: number, first = 0) {
  return Array.from({ length: n }, (_, i) => ({
    id: `p${first + i}`,
    path: `photos/p${first + i}.jpg`,
  }));
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((v, i) => {
    ab += v * b[i];
    aa += v * v;
    bb += b[i] * b[i];
  });
  return ab / Math.sqrt(aa * bb);
}

test('finds what a plain comparison with all finds, over several batches of queries', async () => {
  const [n, q, d, k] = [150, 70, 13, 5];
  const [vectors, queries] = [randomVectors(n, d), randomVectors(q, d, 1)];
  const store = new ExactStore(d);
  store.add(named(100), vectors.subarray(0, 100 * d));
  store.add(named(50, 100), vectors.subarray(100 * d));
  const found = await store.search(queries, k);
  await store.close();
  expect(found).toHaveLength(q);
  found.forEach((neighbours, i) => {
    const query = queries.subarray(i * d, (i + 1) * d);
    const all = Array.from({ length: n }, (_, j) => ({
      j,
      s: cosine(query, vectors.subarray(j * d, (j + 1) * d)),
    })).sort((a, b) => b.s - a.s);
    expect(neighbours.map(({ index }) => index)).toEqual(all.slice(0, k).map(({ j }) => j));
    expect(neighbours.map(({ item }) => item.id)).toEqual(all.slice(0, k).map(({ j }) => `p${j}`));
    expect(neighbours.map(({ similarity }) => similarity)).toBeAllClose(
      all.slice(0, k).map(({ s }) => s),
      { rtol: 1e-5, atol: 1e-6 },
    );
  });
});

test('equals keep their order, norms do not count, and there may be fewer than asked for', async () => {
  const store = new ExactStore(2);
  store.add(named(3), Float32Array.of(2, 0, 0, 5, 7, 0));
  const [found] = await store.search(Float32Array.of(0.1, 0), 10);
  expect(found.map(({ item, similarity }) => [item.id, similarity])).toEqual([
    ['p0', 1],
    ['p2', 1],
    ['p1', 0],
  ]);
  expect(await new ExactStore(2).search(Float32Array.of(1, 0), 3)).toEqual([[]]);
  await store.close();
});

test('vectors of another length, numbers that are none and ids that are there are refused', async () => {
  const store = new ExactStore(3);
  store.add(named(1), Float32Array.of(1, 2, 3));
  const refused = expect.objectContaining({ code: 'FM_INDEX' });
  expect(() => store.add(named(1, 1), Float32Array.of(1, 2))).toThrow(refused);
  expect(() => store.add(named(1, 1), Float32Array.of(1, 2, Number.NaN))).toThrow(refused);
  expect(() => store.add(named(2), new Float32Array(6))).toThrow(refused);
  await expect(store.search(Float32Array.of(1, 2), 1)).rejects.toEqual(refused);
  expect(store.items).toHaveLength(1);
  store.add(named(1, 1), Float32Array.of(3, 2, 1)); // nothing of the refused ones is left
  expect((await store.search(Float32Array.of(3, 2, 1), 1))[0][0].item.id).toBe('p1');
  await store.close();
});

test('items beyond the number of arguments that a call can take', () => {
  const n = 300_000;
  const store = new ExactStore(1);
  store.add(named(n), new Float32Array(n).fill(1));
  expect(store.items).toHaveLength(n);
  expect(store.items[n - 1].id).toBe(`p${n - 1}`);
});

test('an index comes back as it was, labels and whitening included', async () => {
  const path = join(await temporaryFolder(), 'birds.index');
  const store = new ExactStore(4);
  const items = [
    { id: 'a', path: 'x/a.jpg', label: 'Ani' },
    { id: 'b', path: 'x/b.jpg' },
  ];
  store.add(items, randomVectors(2, 4));
  const whitening = {
    from: 2,
    to: 4,
    matrix: randomVectors(4, 2, 3),
    offset: randomVectors(1, 4, 4),
  };
  await store.save(path, { ...about, whitening });
  const again = await ExactStore.load(path);
  expect(again.store.items).toEqual(items);
  expect(again.store.dimension).toBe(4);
  expect(again.about).toEqual({ ...about, whitening });
  expect(again.store.vectors).toBeAllClose(store.vectors, { rtol: 1e-6 });
  const query = randomVectors(1, 4, 9);
  expect((await again.store.search(query, 2))[0][0].index).toBe(
    (await store.search(query, 2))[0][0].index,
  );
  await again.store.close();
  await store.close();
});

test('a damaged file, a byte in vectors or names, and other files are refused', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'i.index');
  const content = { items: named(3), vectors: randomVectors(3, 4), dimension: 4, about };
  await writeIndex(path, content);
  const whole = await readFile(path);
  const refuse = async (bytes: Uint8Array, code: string) => {
    const place = join(folder, 'damaged.index');
    await writeFile(place, bytes);
    await expect(ExactStore.load(place)).rejects.toMatchObject({ code });
  };
  const flipped = (at: number) => {
    const bytes = Uint8Array.from(whole);
    bytes[at] ^= 1;
    return bytes;
  };
  await refuse(flipped(whole.length - 3), 'FM_INDEX'); // in a vector
  await refuse(flipped(whole.indexOf('photos/p1')), 'FM_INDEX'); // in a path
  await refuse(flipped(whole.indexOf('mobilenet_v2')), 'FM_INDEX'); // in the model
  await refuse(whole.subarray(0, whole.length - 8), 'FM_FORMAT');
  await refuse(whole.subarray(0, 100), 'FM_FORMAT');
  const other = join(folder, 'weights.safetensors');
  await writeSafetensors(other, new Map([['w', float32([1], [1])]]));
  await expect(ExactStore.load(other)).rejects.toMatchObject({
    code: 'FM_INDEX',
    message: expect.stringContaining('another safetensors file'),
  });
});

test('an index whose paths are longer than a header may be', async () => {
  const path = join(await temporaryFolder(), 'long.index');
  const items = named(4000).map(({ id }) => ({ id, path: `${'ü'.repeat(2500)}/${id}.jpg` }));
  const store = new ExactStore(1);
  store.add(items, new Float32Array(4000).fill(1));
  await store.save(path, about);
  expect((await ExactStore.load(path)).store.items).toEqual(items);
});

test('a changed description of the model or shape of the whitening is refused', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'i.index');
  const whitening = { from: 2, to: 4, matrix: randomVectors(4, 2), offset: randomVectors(1, 4) };
  const content = { items: named(3), vectors: randomVectors(3, 4), dimension: 4 };
  await writeIndex(path, { ...content, about: { model, whitening } });
  const { tensors, metadata } = await readSafetensors(path);
  const refuse = async (changed: Map<string, HostTensor>, manifest: string, message: RegExp) => {
    const place = join(folder, 'changed.index');
    await writeSafetensors(place, changed, { ...metadata, fieldmark_index: manifest });
    const refused = { code: 'FM_INDEX', message: expect.stringMatching(message) };
    await expect(ExactStore.load(place)).rejects.toMatchObject(refused);
  };
  const { fieldmark_index: manifest } = metadata;
  await refuse(tensors, manifest.replace('"size":224', '"size":448'), /SHA-256.*got another/);
  await refuse(tensors, manifest.replace('"flip":false', '"flip":true'), /SHA-256.*got another/);
  const matrix = { ...tensors.get('whitening.matrix')!, shape: [2, 4] };
  await refuse(new Map([...tensors, ['whitening.matrix', matrix]]), manifest, /SHA-256/);
  const earlier = manifest.replace('"version":2', '"version":1,"items":[]');
  await refuse(tensors, earlier, /an index of version 2, got version: 1\. Build the index again/);
});

test('queries of another model are refused, wherever it lies', () => {
  const run: IndexedModel = { kind: 'run', path: 'runs/a', sha256: 'b'.repeat(64) };
  expect(() => checkSameModel('i', model, { ...model, path: 'elsewhere' })).not.toThrow();
  for (const other of [run, { ...model, size: 448 }, { ...model, sha256: 'c'.repeat(64) }]) {
    expect(() => checkSameModel('i', model, other)).toThrow(
      expect.objectContaining({ code: 'FM_INDEX' }),
    );
  }
});

test('how many are returned is a whole number, and searches may overlap', async () => {
  const store = new ExactStore(2);
  store.add(
    ['a', 'b'].map((id) => ({ id, path: id })),
    Float32Array.of(1, 0, 0, 1),
  );
  for (const k of [0, -1, 1.5, Number.NaN]) {
    await expect(store.search(Float32Array.of(1, 0), k)).rejects.toMatchObject({
      code: 'FM_USAGE',
      message: expect.stringMatching(/^k: expected a whole number, at least 1, got /),
    });
  }
  const queries = [Float32Array.of(1, 0), Float32Array.of(0, 1), Float32Array.of(1, 0)];
  const found = await Promise.all(queries.map((query) => store.search(query, 1)));
  expect(found.map(([[{ item }]]) => item.id)).toEqual(['a', 'b', 'a']);
  await store.close();
});
