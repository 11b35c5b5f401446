// Figures on photographs that the model has seen are refused, or stand under a warning; and what is
// printed after training works as it is.

import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/datasets/table.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { command } from '../support/command.ts';
import { noiseImage } from '../support/images.ts';
import { tinySettings, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const brief = { weights: 'none', epochs: 1 } as const;

/** The birds as class folders without splits. */
beforeAll(async () => {
  const { examples, classes } = await openDataset(world.data);
  for (const { path, label, id } of examples) {
    const folder = join(place('class folders'), classes[label].replaceAll(' ', '_'));
    await mkdir(folder, { recursive: true });
    await cp(path, join(folder, id.split('/').at(-1)!));
  }
  await trainHere(place('class folders'), place('refit run'), { ...brief, refit: true });
  await trainHere(place('class folders'), place('held'), {
    ...brief,
    holdOut: { share: 0.25, seed: 0 },
  });
  await trainHere(place('class folders'), place('plain'), brief);
  await trainHere(world.data, place('official'), brief);
  await trainHere(world.data, place('fold'), { ...brief, fold: { count: 5, index: 1, seed: 0 } });
});

const refusal =
  /split '(val|test|train)': expected photographs that the model was not trained on, got \d+ of \d+/;

describe('photographs that trained the model', () => {
  test.each([
    ['the validation images after a refit', 'refit run', ['--split', 'val']],
    ['nothing else is there', 'refit run', []],
    ['the training split', 'official', ['--split', 'train']],
    ['most of a test split that a fold has trained on', 'fold', ['--split', 'test']],
  ])('%s: refused, and scored under a warning when asked for', async (_, run, args) => {
    const data = run === 'fold' ? ['--data', world.data] : [];
    const all = ['evaluate', place(run), ...data, ...args, '--workers', '0', '--json'];
    const refused = await command(...all);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(refusal);
    const asked = await command(...all, '--include-trained');
    expect(asked.status, asked.stderr).toBe(0);
    expect(asked.json).toMatchObject({
      seen: { trained: expect.any(Number) },
      caution: expect.stringContaining('trained the model'),
    });
    const report = await readFile(join(place(run), 'report.html'), 'utf8');
    expect(report).toContain('class="warning"');
    expect(asked.stdout + asked.stderr).toContain('CAUTION: ');
  });

  test('others are scored without a word, those that chose the epoch with one', async () => {
    const held = await command('evaluate', place('official'), '--json');
    expect(held.status, held.stderr).toBe(0);
    expect(held.json).toMatchObject({
      split: 'test',
      caution: null,
      seen: { trained: 0, chosen: 0 },
    });
    const chosen = await command('evaluate', place('official'), '--split', 'val', '--json');
    const said = 'also chose the epoch and fitted the temperature';
    const note = expect.stringContaining(said);
    expect(chosen.json).toMatchObject({ split: 'val', caution: null, note });
    expect(chosen.stdout + chosen.stderr).toContain(said);
    expect(await readFile(join(place('official'), 'report.html'), 'utf8')).toContain(said);
  });
});

describe('what is said beside figures and refusals', () => {
  const score = (...args: string[]) => command('evaluate', ...args, '--workers', '0', '--json');

  test('a model from before it remembered photographs says so until its run is resumed', async () => {
    const path = join(place('refit run'), 'model', 'fieldmark.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as { trained: { seen?: unknown } };
    expect(manifest.trained.seen).toBeDefined();
    delete manifest.trained.seen;
    await writeFile(path, JSON.stringify(manifest));
    const { status, json, stderr } = await score(place('refit run'), '--split', 'val');
    expect(status, stderr).toBe(0);
    const said = expect.stringContaining('does not remember its training photographs');
    expect(json).toMatchObject({ seen: null, caution: null, note: said });
    expect(stderr).toEqual(said);
    expect(await readFile(join(place('refit run'), 'report.html'), 'utf8')).toEqual(said);
    const changes = { ...brief, refit: true };
    await trainHere(place('class folders'), place('refit run'), changes, { mode: 'resume' });
    const refused = await score(place('refit run'), '--split', 'val');
    expect(refused.stderr).toMatch(refusal);
  });

  test.each([
    ['a fold beside its cut', 'fold', ['--split', 'test'], '--fold for a run of one fold'],
    [
      'the training part of a run that held some back',
      'held',
      ['--split', 'train'],
      '--split test',
    ],
    ['a run that held nothing back', 'refit run', [], '--hold-out 0.2'],
  ])('%s: where to find photographs that were not seen', async (_, run, args, way) => {
    const data = run === 'fold' ? ['--data', world.data] : [];
    const refused = await score(place(run), ...data, ...args);
    expect(refused.stderr).toMatch(refusal);
    expect(refused.stderr).toContain(way);
  });

  test.each([
    [
      'a run that held nothing back',
      'refit run',
      /Say which other photographs .*--data.*--hold-out/,
    ],
    ['a run whose held-out images are left', 'plain', /Score the split 'val' \(--split val\)/],
  ])('%s: no test split, and what can be scored instead', async (_, run, way) => {
    const { status, stderr } = await score(place(run), '--split', 'test');
    expect(status).toBe(1);
    expect(stderr).toMatch(/expected images in the split 'test', got none/);
    expect(stderr).toMatch(way);
  });

  test('a model without its run has no folds and no photographs of its own', async () => {
    const model = join(place('fold'), 'model');
    const fold = await score(model, '--data', world.data, '--fold');
    expect(fold.stderr).toContain(
      'a run that was trained with --fold, got a model without its run',
    );
    const nowhere = await score(place('nowhere'));
    expect(nowhere.stderr).toMatch(/nowhere: expected a trained model .*, got none/);
    const none = await score(model);
    expect(none.stderr).toContain('expected --data <dir>, as this model knows of no photographs');
  });
});

test('a run whose configuration is damaged needs to be told its photographs', async () => {
  await cp(place('official'), place('damaged'), { recursive: true });
  await writeFile(join(place('damaged'), 'config.json'), '{"data":');
  const { status, stderr } = await command('evaluate', place('damaged'));
  expect([status, stderr]).toEqual([1, expect.stringContaining('a configuration in JSON')]);
  const told = await command('evaluate', place('damaged'), '--data', world.data, '--no-report');
  expect(told.status, told.stderr).toBe(0);
});

describe('the test part that training keeps back', () => {
  test('is what evaluate scores, without another word', async () => {
    const { status, json, stderr } = await command('evaluate', place('held'), '--json');
    expect(status, stderr).toBe(0);
    expect(json).toMatchObject({ split: 'test', seen: { trained: 0, chosen: 0, images: 16 } });
  });

  test('is found where the photographs lie elsewhere, and refused where they are others', async () => {
    await rename(place('class folders'), place('moved'));
    const gone = await command('evaluate', place('held'));
    expect(gone.status).toBe(1);
    expect(gone.stderr).toMatch(/class folders: expected the photographs that the run .*--data/);
    const found = await command('evaluate', place('held'), '--data', place('moved'), '--json');
    expect(found.json).toMatchObject({ split: 'test', seen: { trained: 0, images: 16 } });
    await rename(place('moved'), place('class folders'));
  });

  test('is refused where there is a test split, or a fold', async () => {
    const holdOut = { share: 0.2, seed: 0 };
    await expect(trainHere(world.data, place('x'), { ...brief, holdOut })).rejects.toMatchObject({
      code: 'FM_CONFIG',
      message: expect.stringContaining('a dataset without a test split'),
    });
    const fold = { count: 2, index: 1, seed: 0 };
    expect(() => trainHere(world.data, place('x'), { ...brief, holdOut, fold })).toThrow(
      /leave it or/,
    );
  });
});

/** Five pictures of nothing for each of the first two classes of a run. */
async function folderOfOthers(run: string): Promise<string> {
  const manifest = await readFile(join(place(run), 'model', 'fieldmark.json'), 'utf8');
  const { classes } = JSON.parse(manifest) as { classes: string[] };
  for (const [label, name] of classes.slice(0, 2).entries()) {
    const folder = join(place(`others of ${run}`), name);
    await mkdir(folder, { recursive: true });
    for (let i = 0; i < 5; i++) {
      await writeFile(join(folder, `${i}.png`), await encodePng(noiseImage(40, 40, 9 * label + i)));
    }
  }
  return place(`others of ${run}`);
}

describe('class folders that have nothing to do with the run', () => {
  test.each([
    ['a run with a validation part of its own', 'official'],
    ['a run that kept a test part back', 'held'],
  ])('%s: all photographs are scored, and the report says how again', async (_, run) => {
    const others = await folderOfOthers(run);
    const all = ['evaluate', place(run), '--data', others, '--workers', '0', '--json'];
    for (const split of [[], ['--split', 'test']]) {
      const { status, json, stdout, stderr } = await command(...all, ...split);
      expect(status, stderr).toBe(0);
      expect(json).toMatchObject({ n: 10, split: 'test', absent: expect.any(Array) });
      expect((json as { absent: string[] }).absent).toHaveLength(2);
      expect(stdout + stderr).toContain('had no part in training: all of them are scored');
    }
    const report = await readFile(join(place(run), 'report.html'), 'utf8');
    expect(report).toContain('of 2 of 4 classes are answered rightly');
    expect(report).toContain('--split test');
  });
});

test('the commands that train prints work as they are', async () => {
  const run = place('run with spaces');
  const settings = ['--weights', 'none', '--epochs', '1', '--size', String(tinySettings.size)];
  const data = ['--data', place('class folders'), '--workers', '0'];
  const trained = await command('train', ...data, ...settings, '--out', run);
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stderr).toContain('--hold-out 0.2');
  const printed = trained.stdout.split('\n').filter((line) => line.startsWith('  npx '));
  expect(printed).toEqual([
    `  npx fieldmark evaluate '${run}'`,
    `  npx fieldmark predict '${run}' PHOTO.jpg`,
  ]);
  const evaluated = await command('evaluate', run, '--json');
  expect(evaluated.status, evaluated.stderr).toBe(0);
  expect(evaluated.json).toMatchObject({ split: 'val' });
});
