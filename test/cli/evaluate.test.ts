// Figures on photographs that the model has seen are refused, or stand under a warning; and what is
// printed after training works as it is.

import { cp, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/datasets/table.ts';
import { command } from '../support/command.ts';
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
    expect(chosen.json).toMatchObject({ split: 'val', caution: null });
    const said = 'also chose the epoch and fitted the temperature';
    expect(chosen.stdout + chosen.stderr).toContain(said);
    expect(await readFile(join(place('official'), 'report.html'), 'utf8')).toContain(said);
  });
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
    expect(gone.stderr).toMatch(/class folders: expected a dataset folder, got nothing there/);
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

test('the commands that train prints work as they are', async () => {
  const run = place('run with spaces');
  const settings = ['--weights', 'none', '--epochs', '1', '--size', String(tinySettings.size)];
  const data = ['--data', place('class folders'), '--workers', '0'];
  const trained = await command('train', ...data, ...settings, '--out', run);
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stderr).toContain('--hold-out 0.2');
  const printed = trained.stdout.split('\n').filter((line) => line.startsWith('  fieldmark '));
  expect(printed).toEqual([
    `  fieldmark evaluate '${run}'`,
    `  fieldmark predict '${run}' PHOTO.jpg`,
  ]);
  const evaluated = await command('evaluate', run, '--json');
  expect(evaluated.status, evaluated.stderr).toBe(0);
  expect(evaluated.json).toMatchObject({ split: 'val' });
});
