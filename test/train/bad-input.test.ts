// What people get wrong: one clear error each, before any training, and nothing of an old run lost.

import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeJpeg, encodePng } from '../../src/data/image/decode.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { lockRun, runPaths } from '../../src/train/run-folder.ts';
import { temporaryFolder } from '../support/files.ts';
import { gradientImage, noiseImage } from '../support/images.ts';
import { smallDisk } from '../support/small-disk.ts';
import { resultOf, saveBackbone, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);

/** The error of a training that must fail over a finished run, which must survive it. */
async function failure(...[data, changes]: [string, Parameters<typeof trainHere>[2]?]) {
  const run = place('old');
  const before = await resultOf(run);
  const seen: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => void seen.push(event);
  const error = await trainHere(data, run, changes, { mode: 'overwrite', onEvent }).then(
    () => undefined,
    (cause: unknown) => cause as Error & { code: string },
  );
  expect(error?.name).toBe('FieldmarkError');
  expect(error?.message).toMatch(/^[^:]+: expected .+, got .+\. .+\.$/s);
  const steps = seen.filter((e) => e.kind === 'epoch' || (e.kind === 'progress' && e.facts));
  expect(steps, 'found before training').toEqual([]);
  expect(await resultOf(run)).toEqual(before);
  expect(await readdir(run)).not.toContain('lock');
  return error!;
}

beforeAll(async () => {
  await trainHere(world.data, place('old'), { epochs: 1 });
  await saveBackbone(place('old'), place('tiny.safetensors'));
});

/** Class folders with four pictures each, and these files on top. */
async function classFolders(extra: Record<string, string | Uint8Array> = {}): Promise<string> {
  const files: Record<string, string | Uint8Array> = {};
  for (const name of ['finch', 'wren'])
    for (let i = 0; i < 4; i++)
      files[`${name}/${i}.jpg`] = await encodeJpeg(noiseImage(40 + i, 36, name.length + i));
  return await temporaryFolder({ ...files, ...extra });
}

describe('images', () => {
  test('a truncated JPEG is named', async () => {
    const whole = await encodeJpeg(gradientImage(90, 80));
    const data = await classFolders({ 'wren/cut.jpg': whole.subarray(0, whole.length / 2) });
    const { code, message } = await failure(data);
    expect(code).toBe('FM_IMAGE');
    expect(message).toMatch(
      /1 image that .* \(1 truncated\):\n {2}\/.*wren\/cut\.jpg: a truncated/,
    );
  });

  test('an image of one pixel', async () => {
    const data = await classFolders({ 'wren/dot.png': await encodePng(noiseImage(1, 1)) });
    expect((await failure(data)).message).toMatch(
      /\(1 too small\):\n.*wren\/dot\.png: 1 x 1 pixels/,
    );
  });

  test('a text file named .jpg', async () => {
    const data = await classFolders({ 'wren/note.jpg': 'see other folder' });
    expect((await failure(data)).message).toMatch(/wren\/note\.jpg: text \("see other folder"\)/);
  });

  test('several at once are all named', async () => {
    const data = await classFolders({ 'wren/a.jpg': 'text', 'finch/b.jpg': '' });
    expect((await failure(data)).message).toMatch(
      /2 images[\s\S]*finch\/b\.jpg[\s\S]*wren\/a\.jpg/,
    );
  });

  test('labels without images: the files that a list names are not there', async () => {
    const data = await temporaryFolder();
    for (const name of ['images', 'image_class_labels', 'classes', 'train_test_split'])
      await writeFile(join(data, `${name}.txt`), await readFile(join(world.data, `${name}.txt`)));
    const { code, message } = await failure(data);
    expect(code).toBe('FM_IMAGE');
    expect(message).toMatch(/48 images .*\(48 missing; all listed in .*no such file.*and 38 more/s);
  });

  test('labels for a class without a training image', async () => {
    const data = await classFolders();
    await mkdir(join(data, 'owl'));
    const { code, message } = await failure(data);
    expect(code).toBe('FM_DATASET');
    expect(message).toContain('owl');
  });

  test('a dataset that is not there', async () => {
    const { code, message } = await failure(place('nothing'));
    expect(code).toBe('FM_DATASET');
    expect(message).toContain(place('nothing'));
  });
});

describe('skipBad', () => {
  const bad = async () => ({
    'wren/cut.jpg': (await encodeJpeg(gradientImage(90, 80))).subarray(0, 900),
    'finch/9.jpg': 'hello',
    'finch/dot.png': await encodePng(noiseImage(1, 1)),
  });
  const clean = { fold: { count: 2, index: 1, seed: 0 }, epochs: 1 };

  test.each([
    ['a run', { epochs: 1 }],
    ['a run of one fold', clean],
  ])('%s is that of a dataset without the bad images', async (name, changes) => {
    const notes: string[] = [];
    const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
    const [with_, without] = [place(`${name} with`), place(`${name} without`)];
    await trainHere(
      await classFolders(await bad()),
      with_,
      { ...changes, skipBad: true },
      { onEvent },
    );
    await trainHere(await classFolders(), without, changes);
    const model = (run: string) => readFile(join(runPaths(run).model, 'model.onnx'));
    expect(Buffer.compare(await model(with_), await model(without))).toBe(0);
    const left = notes.find((note) => note.includes('left out'))!;
    expect(left).toMatch(
      /^3 images .* left out \(1 not an image, 1 too small, 1 truncated\); they are listed in/,
    );
    const list = await readFile(left.slice(left.indexOf(' in /') + 4), 'utf8');
    expect(list).toMatch(/finch\/9\.jpg\tnot-an-image\ttext[\s\S]*wren\/cut\.jpg\ttruncated/);
    expect(JSON.parse(await readFile(runPaths(with_).config, 'utf8')).skipBad).toBe(true);
    expect(await readFile(runPaths(without).config, 'utf8')).not.toMatch(/skipBad|maxMegapixels/);
  });

  test('a class of which nothing is left is named', async () => {
    const data = await classFolders({ 'owl/a.jpg': 'text' });
    const { code, message } = await failure(data, { skipBad: true });
    expect(code).toBe('FM_DATASET');
    expect(message).toContain('owl');
  });

  test('the limit of megapixels is a setting', async () => {
    const data = await classFolders();
    const { code, message } = await failure(data, { maxMegapixels: 0.001 });
    expect(code).toBe('FM_IMAGE');
    expect(message).toMatch(
      /8 images .*\(8 too large\).* 40 x 36 pixels, which are 0\.00144 mega/s,
    );
  });
});

test('a class with one image trains, with a note', async () => {
  const data = await classFolders({ 'owl/only.jpg': await encodeJpeg(gradientImage(50, 40)) });
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  const summary = await trainHere(data, place('one-image'), { epochs: 1 }, { onEvent });
  expect(summary).toMatchObject({ classes: 3, trainImages: 7 });
  expect(notes).toContain("class 'owl' has one training image");
});

test('too few images to hold any out: the last epoch counts', async () => {
  const data = await temporaryFolder({
    'a/1.png': await encodePng(noiseImage(40, 40, 1)),
    'b/1.png': await encodePng(noiseImage(40, 40, 2)),
  });
  const summary = await trainHere(data, place('two-images'), { epochs: 2 });
  expect(summary).toMatchObject({
    valSource: 'none',
    valTop1: null,
    temperature: 1,
    stages: [{ stage: 'all', epoch: 2 }],
  });
});

describe('weights', () => {
  test('of another network: names and shapes that differ', async () => {
    const weights = place('tiny.safetensors');
    const { code, message } = await failure(world.data, { weights, backbone: 'resnet18' });
    expect(code).toBe('FM_WEIGHTS');
    expect(message).toMatch(/\d+ missing: layer1\.1\.conv1\.weight/);
    expect(message).toMatch(/\d+ of another shape: conv1\.weight is \[.*\], not \[64, 3, 7, 7\]/);
    expect(message).toContain('--backbone');
    const other = await failure(world.data, { weights, backbone: 'mobilenet_v2' });
    expect(other.message).toMatch(
      /those of resnet_tiny: \d+ tensors of other names: conv1\.weight/,
    );
  });

  test('that are no file, no safetensors, or cut short', async () => {
    expect(await failure(world.data, { weights: place('no.safetensors') })).toMatchObject({
      code: 'FM_FORMAT',
      message: expect.stringContaining('got no file'),
    });
    expect(await failure(world.data, { weights: world.folder })).toMatchObject({
      code: 'FM_FORMAT',
    });
    const cut = place('cut.safetensors');
    const whole = await readFile(place('tiny.safetensors'));
    await writeFile(cut, whole.subarray(0, whole.length - 1));
    expect(await failure(world.data, { weights: cut })).toMatchObject({ code: 'FM_FORMAT' });
  });
});

describe('methods', () => {
  test('one that needs trained weights, without any', async () => {
    const { code, message } = await failure(world.data, { method: 'ra-cnn' });
    expect(code).toBe('FM_CONFIG');
    expect(message).toMatch(/^weights: expected trained weights: method 'ra-cnn' .*Pass --weights/);
  });

  test('a schedule that watches validation, for a stage that accuracy says nothing about', async () => {
    const { code, message } = await failure(world.data, {
      method: 'ra-cnn',
      weights: place('tiny.safetensors'),
      options: { anchor: false },
      stage: { attention: { schedule: { kind: 'plateau' } } },
    });
    expect(code).toBe('FM_CONFIG');
    expect(message).toMatch(/^stages.attention.schedule.kind: .* accuracy says nothing/);
  });
});

describe('run folders', () => {
  test('one that is in use', async () => {
    const release = await lockRun(place('old'));
    const before = await resultOf(place('old'));
    const second = trainHere(world.data, place('old'), {}, { mode: 'overwrite' });
    await expect(second).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining(`in use by process ${process.pid}`),
    });
    expect(await resultOf(place('old'))).toEqual(before);
    expect(await readdir(place('old')), 'the lock stays with its owner').toContain('lock');
    await release();
  });

  test('a checkpoint cut short', async () => {
    const run = place('cut');
    await trainHere(world.data, run, { epochs: 1 });
    const before = await resultOf(run);
    const { checkpoint } = runPaths(run);
    await truncate(checkpoint, 2000);
    const resumed = trainHere(world.data, run, { epochs: 1 }, { mode: 'resume' });
    await expect(resumed).rejects.toMatchObject({
      code: 'FM_CHECKPOINT',
      message: expect.stringContaining(`${checkpoint}: expected a whole checkpoint`),
    });
    expect(await resultOf(run)).toEqual(before);
  });

  test('resumed with other images', async () => {
    const data = await classFolders();
    const run = place('moved');
    await trainHere(data, run, { epochs: 1 });
    await rm(join(data, 'wren/3.jpg'));
    await expect(trainHere(data, run, { epochs: 1 }, { mode: 'resume' })).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('the images, labels and weights that the run was started'),
    });
  });

  test('resumed with other settings', async () => {
    const resumed = trainHere(world.data, place('old'), { epochs: 7 }, { mode: 'resume' });
    await expect(resumed).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(/\(epochs=1\), got epochs=7/),
    });
  });
});

test('a full disk stops the run with its last checkpoint whole, and room lets it go on', async (context) => {
  // at the end a checkpoint holds the numbers alone; within the epoch also AdamW's two, after it
  // also the best epoch's: 3 + 3 fit beside each other, 3 + 4 do not
  const { size } = await stat(runPaths(place('old')).checkpoint);
  const disk = await smallDisk((6.5 * size) / 1024);
  if (disk === undefined) return context.skip();
  const run = join(disk.folder, 'run');
  const settings = { epochs: 1, checkpointEvery: 1e-9 };
  await expect(trainHere(world.data, run, settings)).rejects.toMatchObject({
    code: 'FM_DISK',
    message: expect.stringMatching(/state\.safetensors: .* got a full disk\. Free some space/),
  });
  expect(await readdir(join(run, 'checkpoint'))).toEqual(['state.safetensors']);
  disk.resize((16 * size) / 1024);
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  await trainHere(world.data, run, settings, { mode: 'resume', onEvent });
  expect(notes).toContain('resumed at phase 1, epoch 0, step 5');
  expect(await resultOf(run)).toEqual(await resultOf(place('old')));
});
