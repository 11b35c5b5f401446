import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Example } from '../../src/core/example.ts';
import { checkClasses, checkImages } from '../../src/data/check.ts';
import { encodeJpeg, encodePng } from '../../src/data/image/decode.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';

async function pictures(files: Record<string, string | Uint8Array>): Promise<Example[]> {
  const root = await temporaryFolder(files);
  return Object.keys(files).map((id) => ({ id, path: join(root, id), label: 0, split: 'train' }));
}

test('sizes, hashes that show duplicates, and every problem by name', async () => {
  const good = await encodePng(noiseImage(20, 12));
  const jpeg = await encodeJpeg(noiseImage(64, 64));
  const examples = await pictures({
    'good.png': good,
    'text.jpg': 'hello',
    'copy.png': good,
    'cut.jpg': jpeg.subarray(0, jpeg.length / 2),
    'pixel.png': await encodePng(noiseImage(1, 1)),
    'empty.jpg': '',
  });
  const missing: Example = { id: 'gone.jpg', path: '/nowhere/gone.jpg', label: 0, split: 'train' };
  const steps: number[] = [];
  const checked = await checkImages([...examples, missing], {
    concurrency: 2,
    onProgress: (done, total) => steps.push(done / total),
  });
  expect(steps).toHaveLength(7);
  expect(steps.at(-1)).toBe(1);
  expect(checked.sizes).toEqual(
    new Map(['good.png', 'copy.png'].map((id) => [id, { width: 20, height: 12 }])),
  );
  expect(checked.hashes.get('good.png')).toMatch(/^[0-9a-f]{64}$/);
  expect(checked.hashes.get('copy.png')).toBe(checked.hashes.get('good.png'));
  expect(checked.problems.map(({ id, kind, got }) => [id, kind, got])).toEqual([
    ['text.jpg', 'not-an-image', 'text ("hello")'],
    ['cut.jpg', 'truncated', expect.stringContaining('a truncated file')],
    ['pixel.png', 'too-small', '1 x 1 pixels'],
    ['empty.jpg', 'empty', 'an empty file'],
    ['gone.jpg', 'missing', 'no such file'],
  ]);
});

test('the cache answers until the file changes', async () => {
  const examples = await pictures({ 'a.png': await encodePng(noiseImage(20, 12)), 'b.png': 'no' });
  const cacheFolder = join(await temporaryFolder(), 'deep', 'cache');
  const first = await checkImages(examples, { cacheFolder });
  expect(await readdir(cacheFolder)).toEqual(['image-check.json']);

  const file = join(cacheFolder, 'image-check.json');
  const planted = (await readFile(file, 'utf8')).replace(/"width":20/, '"width":77');
  await writeFile(file, planted);
  const second = await checkImages(examples, { cacheFolder });
  expect(second.sizes.get('a.png')?.width).toBe(77);
  expect(second.hashes).toEqual(first.hashes);
  expect(second.problems).toEqual(first.problems);

  await utimes(examples[0].path, new Date(), new Date(Date.now() + 5000));
  expect((await checkImages(examples, { cacheFolder })).sizes.get('a.png')?.width).toBe(20);
  await writeFile(file, '{ damaged');
  expect((await checkImages(examples, { cacheFolder })).hashes).toEqual(first.hashes);
});

test('the limit is asked of what is known too, and a cache of an earlier version is none', async () => {
  const examples = await pictures({ 'a.png': await encodePng(noiseImage(20, 12)) });
  const cacheFolder = await temporaryFolder();
  const kinds = async (maxPixels?: number) =>
    (await checkImages(examples, { cacheFolder, maxPixels })).problems.map(({ kind }) => kind);
  expect(await kinds(239)).toEqual(['too-large']);
  expect(await kinds()).toEqual([]);
  expect(await kinds(239)).toEqual(['too-large']);
  expect(await kinds(240)).toEqual([]);

  const file = join(cacheFolder, 'image-check.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"version":2', '"version":1').replace('20', '77'));
  expect((await checkImages(examples, { cacheFolder })).sizes.get('a.png')?.width).toBe(20);
  expect(await readFile(file, 'utf8')).toBe(text);
});

test('aborting rejects', async () => {
  const examples = await pictures({ 'a.png': await encodePng(noiseImage(20, 12)) });
  await expect(checkImages(examples, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
});

test('classes without or with one training image', () => {
  const example = (label: number, split: 'train' | 'test') => ({ id: '', path: '', label, split });
  const problems = checkClasses({
    name: 'd',
    format: 'folder',
    root: '',
    classes: ['many', 'one', 'none'],
    examples: [example(0, 'train'), example(0, 'train'), example(1, 'train'), example(2, 'test')],
    supervision: ['labels'],
  });
  expect(problems).toEqual([
    { level: 'warning', className: 'one', reason: 'one training image' },
    { level: 'error', className: 'none', reason: 'no training image' },
  ]);
});
