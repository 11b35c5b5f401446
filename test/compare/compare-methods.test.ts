// A whole comparison of tiny runs: stopped, continued, extended, and refused where something changed.

import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CompareOptions, compareMethods } from '../../src/compare/compare-methods.ts';
import { contestantOf, folderName } from '../../src/compare/contestant.ts';
import { comparedCharts, meanByEpoch, readEpochs } from '../../src/compare/curves.ts';
import { type Compared, resultOf } from '../../src/compare/result.ts';
import { compareRuns } from '../../src/compare/side-by-side.ts';
import { findingLines } from '../../src/compare/words.ts';
import { writeComparison } from '../../src/compare/write-comparison.ts';
import { hashString } from '../../src/core/random.ts';
import { openDataset } from '../../src/data/datasets/table.ts';
import { foldDataset } from '../../src/data/folds.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { readRunConfig, runPaths } from '../../src/train/run-folder.ts';
import { TrainingStopped } from '../../src/train/train.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import { saveBackbone, tinySettings, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const plain = contestantOf('finetune', 'finetune');
const slow = contestantOf('finetune:stages.all.rate=0.001', 'finetune', {
  stage: { all: { rate: 0.001 } },
});

function compare(changes: Partial<CompareOptions> = {}) {
  return compareMethods({
    out: place('compared'),
    contestants: [plain, slow],
    common: { ...tinySettings, data: world.data, epochs: 2 },
    folds: 2,
    ...changes,
  });
}

/** Photographs of one class, for `temporaryFolder`. */
async function photos(name: string, n: number): Promise<Record<string, Uint8Array>> {
  const files = Array.from({ length: n }, async (_, i) => {
    return [`${name}/${i}.png`, await encodePng(noiseImage(40, 40, hashString(`${name}${i}`)))];
  });
  return Object.fromEntries(await Promise.all(files)) as Record<string, Uint8Array>;
}

describe('two contestants on two folds', () => {
  let compared: Compared;
  const events: TrainEvent[] = [];

  beforeAll(async () => {
    const stop = new AbortController();
    const onEvent = (event: TrainEvent) => {
      // within the second run
      const second = event.kind === 'progress' && event.task.startsWith('2/4');
      if (second && event.task.includes('all epoch 2')) stop.abort();
    };
    const stopped = compare({ onEvent, signal: stop.signal });
    await expect(stopped).rejects.toThrow(TrainingStopped);
    await expect(stopped).rejects.toThrow('the same command continues');
    compared = await compare({ onEvent: (event) => events.push(event) });
  }, 300_000);

  test('finished runs are kept, the one that was stopped goes on', () => {
    const notes = events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
    expect(notes).toContain('1 of 4 runs are there already');
    expect(notes.filter((note) => note.startsWith('resumed at phase 1'))).toHaveLength(1);
    expect(notes.filter((note) => / % of 30 images$/.test(note))).toHaveLength(4);
    const left = events.flatMap((e) => (e.kind === 'progress' ? [e.secondsLeft] : []));
    expect(left.some((seconds) => seconds !== undefined && seconds > 0)).toBe(true);
  });

  test('every image is answered once, by the run that it was held back from', async () => {
    const { answered, runs, folderOf } = compared;
    expect(answered.ids).toHaveLength(60);
    expect(runs.map(({ folders }) => folders.length)).toEqual([2, 2]);
    const kept = JSON.parse(await readFile(join(folderOf(0, 7), 'scores.json'), 'utf8'));
    expect(kept.ids).toContain(answered.ids[7]);
    expect(kept.seconds).toBeGreaterThan(0);
    const config = await readRunConfig(runs[1].folders[1]);
    expect(config).toMatchObject({ fold: { count: 2, index: 2, seed: 0 }, seed: 1 });
    expect(config.stage.all).toMatchObject({ rate: 0.001, batch: 8 });
  });

  test('the result is that of an uninterrupted comparison', async () => {
    const whole = await compare({ out: place('whole'), contestants: [slow] });
    expect(whole.answered.contestants[0].repetitions[0].answers).toEqual(
      compared.answered.contestants[1].repetitions[0].answers,
    );
  });

  test('the page and its figures', async () => {
    const { budgets } = compared;
    const result = resultOf(compared.answered, { budgets });
    expect(budgets).toHaveLength(2);
    for (const { stages, images } of budgets) {
      expect(stages).toEqual([{ stage: 'all', on: 'photographs', epochs: 2 }]);
      // of 30 beside a fold some are held out to choose the epoch
      expect(images).toBeGreaterThan(20);
      expect(images).toBeLessThan(30);
    }
    const epochs = await readEpochs(compared.runs);
    expect(epochs.map((lines) => lines.length)).toEqual([4, 4]); // 2 folds of 2 epochs
    expect(meanByEpoch(epochs[0], 'loss').map(([epoch]) => epoch)).toEqual([1, 2]);
    expect(comparedCharts(['a', 'b'], epochs)).toHaveLength(3);
    const { json, page } = await writeComparison(place('compared'), {
      title: 'Birds & <others>',
      subtitle: 's',
      compared,
      result,
      command: "fieldmark compare --methods 'a'",
    });
    const html = await readFile(page, 'utf8');
    expect(html).toContain('Birds &amp; &lt;others&gt;');
    expect(html).toContain('Held-out accuracy, stage all');
    expect(html).toContain('fieldmark compare --methods &#39;a&#39;');
    expect(html).not.toMatch(/(src|href)="http/);
    expect(html).toContain('<span class="nowrap">all 2</span>');
    const facts = JSON.parse(await readFile(json, 'utf8'));
    expect(facts).toMatchObject({ n: 60, classes: 4, rows: [{ budget: budgets[0] }, {}] });
  });

  test('further contestants and seeds leave the finished runs alone', async () => {
    const model = join(runPaths(compared.runs[0].folders[0]).model, 'model.onnx');
    const { mtimeMs } = await stat(model);
    const more = await compare({ contestants: [plain], seeds: 2 });
    expect((await stat(model)).mtimeMs).toBe(mtimeMs);
    const [{ repetitions }] = more.answered.contestants;
    expect(repetitions[0]).toEqual(compared.answered.contestants[0].repetitions[0]);
    expect(more.runs[0].folders.map((folder) => folder.slice(place('compared').length))).toEqual([
      '/finetune/fold-1',
      '/finetune/fold-2',
      '/finetune@seed1/fold-1',
      '/finetune@seed1/fold-2',
    ]);
    expect((await readRunConfig(more.runs[0].folders[2])).seed).toBe(tinySettings.seed + 1);
  });

  test('one that diverges has no figures, and the others have theirs', async () => {
    const wild = contestantOf('finetune:stages.all.rate=1e9', 'finetune', {
      stage: { all: { rate: 1e9 } },
    });
    const notes: string[] = [];
    const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
    const mixed = await compare({ contestants: [wild, plain], onEvent });
    expect(mixed.answered.contestants.map(({ label }) => label)).toEqual(['finetune']);
    expect(mixed.answered.contestants[0]).toEqual(compared.answered.contestants[0]);
    const reason = expect.stringContaining('expected finite numbers');
    const failed = { label: wild.label, baseline: false, run: 'fold 1, seed 1', reason };
    expect(mixed.failed).toEqual([failed]);
    expect(notes).toContainEqual(expect.stringMatching(/^1\/4 .*rate=1e9 fold 1, seed 1 failed: /));
    await expect(
      stat(join(place('compared'), folderName(wild.label, 0), 'fold-2')),
    ).rejects.toThrow('ENOENT');
    const about = { title: 't', subtitle: 's', command: 'c', compared: mixed };
    const result = resultOf(mixed.answered);
    const { json, page } = await writeComparison(place('mixed'), { ...about, result });
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ n: 60, failed: [failed] });
    expect(await readFile(page, 'utf8')).toContain('rate=1e9 has no figures: fold 1, seed 1');
    // where nobody is left, the error is that of the run
    const alone = compare({ contestants: [wild] });
    await expect(alone).rejects.toMatchObject({ code: 'FM_TRAINING' });
  });

  test('what training found in a run is told with the run', async () => {
    const [, second] = compared.runs[0].folders;
    const path = join(runPaths(second).model, 'fieldmark.json');
    const before = await readFile(path, 'utf8');
    const manifest = JSON.parse(before);
    manifest.trained.findings = ['looking closer hurts'];
    await writeFile(path, JSON.stringify(manifest));
    const found = { label: 'finetune', run: 'fold 2, seed 1', text: 'looking closer hurts' };
    const { findings, ...rest } = await compare();
    expect(findings).toEqual([found]);
    const told = 'finetune, fold 2, seed 1: looking closer hurts';
    expect(findingLines({ findings: [found, found] })).toEqual([`${told} (and 1 more)`]);
    const about = { title: 't', subtitle: 's', command: 'c', compared: { findings, ...rest } };
    const result = resultOf(rest.answered);
    const { json, page } = await writeComparison(place('found'), { ...about, result });
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ findings: [found] });
    expect(await readFile(page, 'utf8')).toContain(told);
    const runs = [compared.runs[1].folders[1], second];
    const beside = await compareRuns({ runs, split: 'test', workers: 0 });
    expect(beside.findings).toEqual([{ label: runs[1], text: found.text }]);
    await writeFile(path, before);
  });

  test('changed settings are refused by name', async () => {
    const common = { ...tinySettings, data: world.data, epochs: 3 };
    await expect(compare({ common })).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(/started with \(epochs=2\), got epochs=3/),
    });
  });

  test('other folds, and other images, are refused', async () => {
    const message = expect.stringContaining('the images, labels and folds');
    await expect(compare({ foldSeed: 1 })).rejects.toMatchObject({ code: 'FM_RUN', message });
    const list = join(world.data, 'images.txt');
    const [line] = (await readFile(list, 'utf8')).split('\n');
    const photo = join(world.data, 'images', line.split(' ')[1]);
    const before = await readFile(photo);
    await writeFile(photo, Buffer.concat([before, Buffer.from('x')]));
    try {
      await expect(compare()).rejects.toMatchObject({ code: 'FM_RUN', message });
    } finally {
      await writeFile(photo, before);
    }
  });

  test('runs of one fold stand side by side, of two folds not', async () => {
    const [first, second] = compared.runs.map(({ folders }) => folders);
    const { answered } = await compareRuns({
      runs: [first[0], second[0]],
      split: 'test',
      workers: 0,
    });
    expect(answered.ids).toHaveLength(30);
    const mixed = compareRuns({ runs: [first[0], first[1]], split: 'test' });
    await expect(mixed).rejects.toThrow(/expected the fold of the first run.*"index":1/);
  });
});

test('settings of a stage that no method has are refused before anything runs', async () => {
  const out = place('nothing');
  const stage = { alll: { rate: 1 } };
  const common = { ...tinySettings, data: world.data, stage };
  await expect(compare({ out, common })).rejects.toThrow(/stages.alll: expected settings/);
  await expect(stat(out)).rejects.toThrow('ENOENT');
});

test('finished runs are not kept where their weights or recipe are others by now', async () => {
  const [run, weights] = [place('start'), place('tiny.safetensors')];
  await trainHere(world.data, run, { epochs: 1 });
  await saveBackbone(run, weights);
  const probe = contestantOf('probe', 'probe');
  const common = { ...tinySettings, data: world.data, weights, stage: { head: { epochs: 1 } } };
  const again = () => compare({ out: place('weighed'), contestants: [probe], common });
  await again();
  await saveBackbone(run, weights); // the same once more
  await again();
  const { recipe } = runPaths(place('weighed/probe/fold-1'));
  const text = await readFile(recipe, 'utf8');
  await writeFile(recipe, text.replace(/"smoothing": [\d.]+/, '"smoothing": 0.25'));
  await expect(again(), 'a default of another version').rejects.toMatchObject({
    code: 'FM_RUN',
    message: expect.stringMatching(/recipe.json: .*stages.head.smoothing=0.25.*, got stages.head/),
  });
  await writeFile(recipe, text);
  await trainHere(world.data, run, { epochs: 1, seed: 2 }, { mode: 'overwrite' });
  await saveBackbone(run, weights);
  await expect(again()).rejects.toMatchObject({
    code: 'FM_RUN',
    message: expect.stringMatching(/probe.fold-1: expected the weights .* under the same name/),
  });
}, 120_000);

test('what is said of common epochs, and of a run that cannot be read', async () => {
  const weights = place('again.safetensors');
  await trainHere(world.data, place('origin'), { epochs: 1 });
  await saveBackbone(place('origin'), weights);
  const out = place('damaged');
  const contestants = [plain, contestantOf('head', 'finetune', { stages: 'head' })];
  const common = { ...tinySettings, data: world.data, weights };
  const config = join(out, 'finetune', 'fold-1', 'config.json');
  const notes: string[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === 'note' && notes.push(event.text));
  const run = () => compare({ out, contestants, common, onEvent });

  await mkdir(dirname(config), { recursive: true });
  await writeFile(config, '{ "data": ');
  const damaged = await run().catch((cause: Error) => cause);
  expect(damaged).toMatchObject({ code: 'FM_RUN' });
  expect(String(damaged)).toMatch(
    /config.json: expected a configuration in JSON.* folder of the run/,
  );
  expect(notes).toContainEqual(
    expect.stringMatching(/^epochs 4 are .* 'all' of finetune; 'head' of head\./),
  );
  await rm(config);
  await mkdir(config);
  await expect(run()).rejects.toMatchObject({
    code: 'FM_RUN',
    message: expect.stringMatching(/config.json: expected a file that can be read, got EISDIR/),
  });
}, 60_000);

test('a class that has no training image beside a later fold is told before anything runs', async () => {
  const data = await temporaryFolder({
    ...(await photos('a', 5)),
    ...(await photos('b', 4)),
    ...(await photos('single', 1)),
  });
  const common = { ...tinySettings, data };
  // with this cut the image is not in the first fold
  const { examples } = foldDataset(await openDataset(data), { count: 2, index: 1, seed: 0 });
  expect(examples.find(({ id }) => id.startsWith('single'))?.split).toBe('train');
  const out = place('classless');
  await expect(compare({ out, common })).rejects.toMatchObject({
    code: 'FM_DATASET',
    message: expect.stringContaining('none beside fold 2 of 1: single'),
  });
  await expect(stat(out)).rejects.toThrow('ENOENT');
});

test('finished runs on official splits: data must be shared, held-out images unseen', async () => {
  const [a, b] = [place('a'), place('b')];
  await trainHere(world.data, a, { epochs: 1 });
  await trainHere(world.data, b, { epochs: 1, refit: true });
  const { answered, runs } = await compareRuns({ runs: [a, b], split: 'test', workers: 0 });
  expect(runs.map(({ label }) => label)).toEqual(['a', 'b']);
  expect(resultOf(answered)).toMatchObject({ n: 12 });
  await expect(compareRuns({ runs: [a, b], split: 'val' })).rejects.toThrow('one with refit');
  const config = JSON.parse(await readFile(runPaths(b).config, 'utf8'));
  await writeFile(runPaths(b).config, JSON.stringify({ ...config, data: '/elsewhere' }));
  // --data says where data are now, not that they are the same
  for (const data of [undefined, world.data]) {
    const moved = compareRuns({ runs: [a, b], split: 'test', data });
    await expect(moved).rejects.toThrow(/expected the data of the first run .* got "\/elsewhere"/);
  }
  await rm(b, { recursive: true });
});
