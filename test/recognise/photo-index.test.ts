// An index of a folder: what is in it, what is found, what is refused, and that work is not lost.
import { appendFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ProgressEvent } from '../../src/core/progress.ts';
import { randomStream } from '../../src/core/random.ts';
import { type Describer, frozenDescriber, runDescriber } from '../../src/recognise/describer.ts';
import { buildPhotoIndex, searchPhotos } from '../../src/recognise/photo-index.ts';
import { ExactStore } from '../../src/search/exact-store.ts';
import type * as similarity from '../../src/search/similarity.ts';
import { addFiles, temporaryFolder } from '../support/files.ts';
import { saveBackbone, tinyWorld, trainHere } from '../support/tiny-run.ts';

/** Sessions of re-ranking: open now, and at most. */
const open = vi.hoisted(() => ({ now: 0, most: 0 }));
vi.mock('../../src/search/similarity.ts', async (original) => {
  const real = await original<typeof similarity>();
  const allSimilarities: typeof real.allSimilarities = async (...given) => {
    open.most = Math.max(open.most, ++open.now);
    return await real.allSimilarities(...given).finally(() => open.now--);
  };
  return { ...real, allSimilarities };
});

const world = tinyWorld();
const frozen = { backbone: 'resnet_tiny', size: 48, layers: 2, flip: true } as const;
let [run, weights, images] = ['', '', ''];
let describer: Describer;

beforeAll(async () => {
  [run, weights] = [join(world.folder, 'run'), join(world.folder, 'tiny.safetensors')];
  images = join(world.data, 'images');
  await trainHere(world.data, run, { epochs: 1 });
  await saveBackbone(run, weights);
  describer = await frozenDescriber({ ...frozen, weights }, { threads: 1 });
});
afterAll(() => describer.close());

test('what is left out of the folder is told', async () => {
  const folder = await temporaryFolder();
  await cp(images, folder, { recursive: true });
  await addFiles(folder, { '@eaDir/1.jpg/THUMB.jpg': '', 'phone/1.HEIC': '', 'phone/2.HEIC': '' });
  const notes: string[] = [];
  const onNote = (text: string) => void notes.push(text);
  const built = await buildPhotoIndex(folder, describer, { workers: 0, onNote });
  expect(built.store.items).toHaveLength(60);
  expect(notes).toEqual([
    expect.stringMatching(/^left out: 2 \.heic files \(phone\/1.*; 1 folder that .* \(@eaDir\)$/),
  ]);
});

test('every photograph finds itself first, after the index went through its file', async () => {
  const built = await buildPhotoIndex(images, describer, { workers: 0 });
  expect(built.skipped).toEqual([]);
  expect(built.store.items).toHaveLength(60);
  const place = join(world.folder, 'photos.index');
  await built.store.save(place, built.about);
  const loaded = await ExactStore.load(place);
  const asked = loaded.store.items.filter((_, i) => i % 20 === 7);
  const photos = asked.map(({ path }) => path);
  for (const rerank of [false, true]) {
    const found = await searchPhotos(place, loaded, describer, photos, { top: 3, rerank });
    found.forEach((near, i) => {
      expect(near).toHaveLength(3);
      expect(near[0].item).toEqual(asked[i]);
      expect(near[0].similarity).toBeCloseTo(1, 4);
      expect(near[0].item.id.startsWith(`${near[0].item.label}/`)).toBe(true);
    });
  }
  const other = await runDescriber(run, { threads: 1 });
  await expect(searchPhotos(place, loaded, other, photos)).rejects.toMatchObject({
    code: 'FM_INDEX',
    message: expect.stringMatching(/described by resnet_tiny.*got the model of/),
  });
  await other.close();
  await Promise.all([loaded.store.close(), built.store.close()]);
});

test('re-ranking orders the 200 nearest whatever --top is, one query after another', async () => {
  const { store: photos, about } = await buildPhotoIndex(images, describer, { workers: 0 });
  const { dimension, items, vectors } = photos;
  const store = new ExactStore(dimension);
  for (let copy = 0; copy < 4; copy++) {
    const r = randomStream(copy, 'neighbours');
    store.add(
      items.map((item) => ({ ...item, id: `${copy} ${item.id}` })),
      vectors.map((v) => v + copy * 0.01 * r.normal()),
    );
  }
  const asked = [3, 30, 59].map((i) => items[i].path);
  const search = (top: number, rerank: boolean) =>
    searchPhotos('i', { store, about }, describer, asked, { top, rerank });
  open.most = 0;
  const [near, few, many] = [
    await search(240, false),
    await search(10, true),
    await search(240, true),
  ];
  expect(open.most).toBe(1);
  near.forEach((plain, i) => {
    const ids = many[i].map(({ item }) => item.id);
    const plainIds = plain.map(({ item }) => item.id);
    expect(few[i]).toEqual(many[i].slice(0, 10));
    expect(ids.slice(200)).toEqual(plainIds.slice(200));
    expect(ids.slice(0, 200)).not.toEqual(plainIds.slice(0, 200));
    expect(ids.slice(0, 200).sort()).toEqual(plainIds.slice(0, 200).sort());
  });
  await Promise.all([store.close(), photos.close()]);
});

test('a label is the path from the folder to the photograph', async () => {
  const folder = await temporaryFolder();
  const [from] = (await readdir(images)).map((name) => join(images, name));
  const [name] = await readdir(from);
  for (const below of ['', 'a', 'a/b']) await cp(join(from, name), join(folder, below, name));
  const { store } = await buildPhotoIndex(folder, describer, { workers: 0 });
  expect(store.items.map(({ label }) => label)).toEqual([undefined, 'a', 'a/b']);
  await store.close();
});

test('whitened descriptors are found by whitened queries', async () => {
  const { store, about } = await buildPhotoIndex(images, describer, { workers: 0, whiten: 12 });
  expect(store.dimension).toBe(12);
  const { path, id } = store.items[31];
  const [[first]] = await searchPhotos('i', { store, about }, describer, [path], { top: 1 });
  expect(first.item.id).toBe(id);
  expect(first.similarity).toBeCloseTo(1, 3);
  await store.close();
});

test('photographs that cannot be read are refused by name, or left out on request', async () => {
  const folder = await temporaryFolder({ 'notes.txt': 'no photograph' });
  await cp(join(images, (await firstFolder())!), join(folder, 'birds'), { recursive: true });
  await addFiles(folder, { 'birds/broken.jpg': 'hello' });
  await expect(buildPhotoIndex(folder, describer, { workers: 0 })).rejects.toMatchObject({
    code: 'FM_IMAGE',
    message: expect.stringContaining('broken.jpg'),
  });
  const built = await buildPhotoIndex(folder, describer, { workers: 0, skipBad: true });
  expect(built.skipped.map(({ id }) => id)).toEqual(['birds/broken.jpg']);
  expect(built.store.items).toHaveLength(15);
  await built.store.close();
});

async function firstFolder() {
  const { store } = await buildPhotoIndex(images, describer, { workers: 0 });
  return store.items[0].label;
}

test('a build that was stopped goes on where it was', async () => {
  const folder = await temporaryFolder();
  await cp(images, folder, { recursive: true });
  // JPEG files with something behind their end are other files with the same picture
  const { store } = await buildPhotoIndex(folder, describer, { workers: 0 });
  for (const { path } of store.items) await appendFile(path, 'x');
  const stop = new AbortController();
  const onProgress = ({ task, done }: ProgressEvent) => {
    if (task.startsWith('describing') && done >= 16) stop.abort();
  };
  const stopped = buildPhotoIndex(folder, describer, {
    workers: 0,
    onProgress,
    signal: stop.signal,
  });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  const totals = new Set<number>();
  const again = await buildPhotoIndex(folder, describer, {
    workers: 0,
    onProgress: ({ task, total, perSecond, secondsLeft }) => {
      if (!task.startsWith('describing')) return;
      totals.add(total);
      expect([perSecond, secondsLeft]).toEqual([expect.any(Number), expect.any(Number)]);
    },
  });
  expect([...totals]).toEqual([44]);
  expect(again.store.vectors).toEqual(store.vectors);
});

test('no folder, and a folder without photographs', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'a.txt'), '');
  for (const place of [folder, join(folder, 'none')]) {
    await expect(buildPhotoIndex(place, describer)).rejects.toMatchObject({ code: 'FM_DATASET' });
  }
});
