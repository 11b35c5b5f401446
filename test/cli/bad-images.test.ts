// Photographs that cannot be used, in every command that reads some: told, or left out on request.

import { cp, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { openFolds } from '../../src/compare/plan.ts';
import { emitter } from '../../src/train/events.ts';
import { command, startCommand } from '../support/command.ts';
import { addFiles } from '../support/files.ts';
import { fileOf } from '../support/image-files.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const flags = ['--threads', '1', '--workers', '0'];
let good: string;

beforeAll(async () => {
  // the photographs of the two splits are others: those that trained a model are not scored
  const files = async (more: number) => {
    const jpeg = await fileOf('jpeg', { width: 90 + more, height: 60 });
    return {
      'finch/1.jpg': jpeg,
      'finch/2.bmp': 'BM',
      'finch/3.png': await fileOf('png', { width: 3000 + more, height: 9 }),
      'finch/4.png': await fileOf('png', { width: 3000, height: 7 }),
      'wren/1.jfif': await fileOf('jpeg', { width: 50 + more, height: 60 }),
      'wren/2.jpg': jpeg.subarray(0, 1000),
    };
  };
  await addFiles(place('birds2'), await files(0));
  await addFiles(join(place('split'), 'train'), await files(0));
  await addFiles(join(place('split'), 'test'), await files(1));
  good = place('birds2/finch/1.jpg');
  await trainHere(place('split'), place('run'), { epochs: 1, skipBad: true });
});

test('predict answers for the others; --skip-bad makes that no failure', async () => {
  const photos = [good, place('birds2/wren/2.jpg'), place('birds2/finch/4.png')];
  const plain = await command('predict', place('run'), ...photos, '--threads', '1', '--json');
  expect(plain.status).toBe(1);
  expect(plain.stderr).toMatch(/wren\/2\.jpg: .*a truncated file[\s\S]*4\.png: .*3000 x 7 pixels/);
  expect(plain.stderr).not.toContain('dataset');
  const { status, stderr, json } = await command(
    ...['predict', place('run'), ...photos, '--threads', '1', '--skip-bad', '--json'],
  );
  expect(status).toBe(0);
  expect(stderr).toContain('2 of 3 photographs left out');
  expect(json).toMatchObject({ leftOut: 2, predictions: [{ photo: good }, {}, {}] });
});

test('the limit is that of the command', async () => {
  const small = ['--threads', '1', '--max-megapixels', '0.005'];
  const { status, stderr } = await command('predict', place('run'), good, ...small);
  expect(status).toBe(1);
  expect(stderr).toMatch(/at most 0\.005 megapixels, got 90 x 60 .*\(--max-megapixels\)/);
  const usage = await command('predict', place('run'), good, '--max-megapixels', '0');
  expect(usage.status).toBe(2);
});

test('explain draws the others', async () => {
  const photos = [good, place('birds2/wren/2.jpg')];
  const out = ['--out', place('explained'), '--threads', '1', '--json'];
  const plain = await command('explain', place('run'), ...photos, ...out);
  expect(plain.status).toBe(1);
  expect(plain.json).toMatchObject({
    explanations: [{ photo: good }, { problem: expect.anything() }],
  });
  expect((await command('explain', place('run'), ...photos, ...out, '--skip-bad')).status).toBe(0);
});

test('evaluate leaves out what its run has left out, and counts it', async () => {
  const score = ['evaluate', place('run'), '--data', place('split'), '--split', 'test', '--json'];
  const { status, json, stderr } = await command(...score, ...flags);
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(
    /not scored: 3 images .* \(2 truncated, 1 too small\); they are listed in/,
  );
  expect(json).toMatchObject({
    n: 3,
    leftOut: { count: 3, kinds: { truncated: 2, 'too-small': 1 } },
  });
});

test('evaluate of a model alone names everything that is bad', async () => {
  await cp(place('run/model'), place('alone/model'), { recursive: true });
  const score = ['evaluate', place('alone'), '--data', place('split'), '--split', 'test', '--json'];
  const plain = await command(...score, ...flags);
  expect(plain.status).toBe(1);
  expect(plain.stderr).toMatch(
    /3 images .*\(2 truncated, 1 too small\):\n.*2\.bmp.*\n.*4\.png.*\n.*2\.jpg/,
  );
  const skipped = await command(...score, ...flags, '--skip-bad');
  expect(skipped.status, skipped.stderr).toBe(0);
  expect(skipped.json).toMatchObject({ n: 3, leftOut: { count: 3 } });
});

test('search --build goes on without them', async () => {
  const build = ['search', place('index'), '--build', place('birds2'), '--model', place('run')];
  const plain = await command(...build, ...flags);
  expect(plain.status).toBe(1);
  expect(plain.stderr).toMatch(/3 images that cannot be used/);
  const { status, json } = await command(...build, ...flags, '--skip-bad', '--json');
  expect(status).toBe(0);
  expect(json).toMatchObject({ photographs: 3, skipped: [{ kind: 'truncated' }, {}, {}] });
});

test('compare cuts folds of what can be used', async () => {
  const config = { data: place('birds2') };
  const rounds = { folds: 2, foldSeed: 0, seeds: 1 };
  const notes: string[] = [];
  const emit = emitter((event) => void (event.kind === 'note' && notes.push(event.text)));
  const folds = (skipBad: boolean) =>
    openFolds({ ...config, skipBad }, rounds, emit, new AbortController().signal);
  await expect(folds(false)).rejects.toThrow('3 images that cannot be used');
  await addFiles(place('birds2'), { 'wren/3.png': await fileOf('png', { width: 70, height: 71 }) });
  const { ids, dataset } = await folds(true);
  expect(dataset.examples.map(({ id }) => id)).toEqual(ids.flat().sort());
  expect(ids.flat()).toHaveLength(4);
  expect(notes.at(-1)).toMatch(/^3 images that cannot be used are left out/);
});

test('finished runs side by side leave out what the first has left out', async () => {
  await cp(place('run'), place('again'), { recursive: true });
  const runs = ['compare', place('run'), place('again'), ...flags, '--json'];
  const { status, stderr, json } = await command(...runs);
  expect(status, stderr).toBe(0);
  expect(stderr.match(/not scored: 3 images/g)).toHaveLength(1);
  expect(json).toMatchObject({ n: 3 });
});

test('a photograph that goes while a run trains: the run is kept, and how it goes on is told', async () => {
  const data = place('going');
  await cp(place('birds'), data, { recursive: true });
  const [first] = (await readdir(join(data, 'images'))).sort();
  const [away, back] = [join(data, 'images', first), join(data, 'away')];
  const settings = ['--backbone', 'resnet_tiny', '--weights', 'none', '--size', '32'];
  const args = ['train', '--data', data, ...settings, ...flags, '--out', place('gone')];
  const running = startCommand([...args, '--epochs', '40']);
  while (!running.stderr().includes('epoch 2/')) await setTimeout(20);
  await rename(away, back);
  const { status, stderr } = await running.ended;
  expect(status).toBe(1);
  expect(stderr).toMatch(/error FM_IMAGE: .*got no such file/);
  expect(stderr).toContain(`npx fieldmark train --out ${place('gone')} --resume goes on`);
  await rename(back, away);
  const again = await command('train', '--out', place('gone'), '--resume');
  expect(again.status, again.stderr).toBe(0);
});

test('explain takes folders, and search too', async () => {
  const [folder, index] = [join(place('split'), 'test', 'wren'), place('folder.index')];
  const explained = await command(
    ...['explain', place('run'), folder, '--skip-bad', '--threads', '1', '--out', place('seen')],
  );
  expect(explained.status, explained.stderr).toBe(0);
  expect(explained.stdout).toContain(`-> ${join(place('seen'), '1.png')}`);
  const building = ['search', index, '--build', place('birds2'), '--model', place('run')];
  const built = await command(...building, ...flags, '--skip-bad');
  expect(built.status, built.stderr).toBe(0);
  const searched = await command('search', index, join(place('birds'), 'images'), '--json');
  expect(searched.status, searched.stderr).toBe(0);
  expect((searched.json as { results: unknown[] }).results).toHaveLength(60);
});
