// Datasets that could be something else: asked about before training, told while training and scoring.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFolds } from '../../src/compare/plan.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { parseConfig, type RunConfigInput } from '../../src/train/config.ts';
import { emitter } from '../../src/train/events.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import { tinySettings, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();

/** Pictures by path; those with the same number are the same picture. */
async function pictures(files: Readonly<Record<string, number>>): Promise<string> {
  const entries = Object.entries(files).map(async ([name, seed]) => {
    return [name, await encodePng(noiseImage(40, 40, seed))] as const;
  });
  return await temporaryFolder(Object.fromEntries(await Promise.all(entries)));
}

/** Trains one epoch; returns what was told. */
async function notesOf(data: string, run: string, changes: Partial<RunConfigInput> = {}) {
  const notes: string[] = [];
  await trainHere(
    data,
    join(world.folder, run),
    { epochs: 1, ...changes },
    { onEvent: (event) => void (event.kind === 'note' && notes.push(event.text)) },
  );
  return notes;
}

/** What evaluation tells of a split. */
async function toldOf(data: string, run: string, split: 'train' | 'val' | 'test') {
  const notes: string[] = [];
  const recogniser = await loadRecogniser(runPaths(join(world.folder, run)).model);
  try {
    const onNote = (text: string) => void notes.push(text);
    const { evaluation } = await evaluateModel(recogniser, {
      includeTrained: true,
      data,
      split,
      onNote,
      workers: 0,
    });
    return { notes, n: evaluation.n };
  } finally {
    await recogniser.close();
  }
}

describe('a single class', () => {
  const owls = { 'owls/a/1.png': 1, 'owls/a/2.png': 2, 'owls/a/3.png': 3 };

  test('is refused, in comparisons too', async () => {
    const data = await pictures({ 'images/1.png': 1, 'images/2.png': 2 });
    const message =
      /expected at least two classes, got one, 'images', whose name is hardly that of a class\. Give .*--one-class\)\.$/;
    await expect(notesOf(data, 'refused')).rejects.toThrow(message);
    const rounds = { folds: 2, foldSeed: 0, seeds: 1 };
    const config = parseConfig({ ...tinySettings, data });
    const emit = emitter(() => {});
    const cut = openFolds(config, rounds, emit, new AbortController().signal);
    await expect(cut).rejects.toThrow(message);
  });

  test('trains when asked for, and is found again by its name', async () => {
    const data = await pictures(owls);
    await notesOf(data, 'owls', { oneClass: true });
    const bursts = await pictures({ ...owls, 'owls/b/4.png': 4 });
    expect(await toldOf(bursts, 'owls', 'train')).toMatchObject({ n: 4 });
  });
});

test('what was understood and left out is told once, by training and by evaluation', async () => {
  const data = await pictures({
    'birds/train/wren/1.png': 1,
    'birds/train/wren/2.png': 2,
    'birds/train/finch/3.png': 3,
    'birds/train/finch/4.png': 4,
    'birds/dev/wren/5.png': 5,
    'birds/dev/finch/6.png': 6,
    'birds/seg_pred/7.png': 7,
    'cover.png': 8,
  });
  const understood = [
    'splits: train (birds/train), val (birds/dev)',
    'left out: 1 photograph beside the class folders (cover.png); ' +
      '1 photograph without a class (birds/seg_pred/7.png)',
  ];
  const notes = await notesOf(data, 'birds');
  expect(notes.slice(0, 2)).toEqual(understood);
  expect((await toldOf(data, 'birds', 'val')).notes).toEqual(understood);
});

test('classes are named, and those that no validation image has', async () => {
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`wren/${i}.png`, i + 1]));
  const data = await pictures({ ...many, 'finch/20.png': 20, 'finch/21.png': 21 });
  const notes = await notesOf(data, 'rare');
  expect(notes.join('\n')).toMatch(/2 classes \(finch, wren\); 1 training images? are held out/);
  expect(notes).toContain(
    'no validation image of 1 of 2 classes (finch): validation accuracy says nothing of them',
  );
});

test('copies across splits, and of two labels, are told with their names', async () => {
  const data = await pictures({
    'train/wren/1.png': 1,
    'train/wren/2.png': 2,
    'train/finch/2.png': 2,
    'train/finch/3.png': 3,
    'val/wren/1.png': 1,
    'val/finch/9.png': 9,
    'test/wren/1.png': 1,
    'test/finch/8.png': 8,
  });
  const notes = await notesOf(data, 'copies');
  expect(notes).toContain(
    '1 photograph under two labels, of which one must be wrong: ' +
      'train/finch/2.png (finch) is train/wren/2.png (wren)',
  );
  expect(notes).toContain(
    "1 validation image is a copy of training images, so that accuracy on 'val' says too much: " +
      'val/wren/1.png is train/wren/1.png',
  );
  expect(notes.join('\n'), 'the test split is not opened').not.toContain('test image');
  expect((await toldOf(data, 'copies', 'test')).notes).toContain(
    "1 test image is a copy of training images, so that accuracy on 'test' says too much: " +
      'test/wren/1.png is train/wren/1.png',
  );
});

test('a class that is spelt in another way elsewhere: both names are in the error', async () => {
  const data = await pictures({
    'train/black_bear/1.png': 1,
    'train/wren/2.png': 2,
    'test/Black bear/3.png': 3,
    'test/wren/4.png': 4,
  });
  await expect(notesOf(data, 'bears')).rejects.toThrow(
    /got 1 without: Black bear \(in test alone\)\. If 'Black bear' is 'black_bear', give both the same name\. Add/,
  );
});
