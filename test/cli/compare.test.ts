// `fieldmark compare` as people and programs meet it: stopped by Ctrl-C, continued by the same command.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { command, startCommand } from '../support/command.ts';
import { tinyWorld } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const tiny = [
  '--backbone',
  'resnet_tiny',
  '--weights',
  'none',
  '--size',
  '32',
  '--threads',
  '1',
  '--workers',
  '0',
];

const figures = (label: string) =>
  expect.objectContaining({
    label,
    top1: expect.any(Number),
    perClassMean: expect.any(Number),
    recallAt1: expect.any(Number),
    minutes: expect.any(Number),
  });

describe('cross-validation', () => {
  const out = () => place('compared');
  const methods = 'finetune,finetune:stages.all.rate=0.02';
  const run = () => join(out(), 'finetune', 'fold-1');

  test('is stopped by Ctrl-C, and the same command continues', async () => {
    const args = ['compare', '--methods', methods, '--data', world.data, ...tiny, '--folds', '2'];
    args.push('--set', 'stages.all.batch=8', '--epochs', '8', '--out', out(), '--json');
    const running = startCommand(args, { group: true });
    const group = -running.process.pid!;
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    const checkpoint = join(run(), 'checkpoint', 'state.safetensors');
    while (!over && !existsSync(checkpoint)) await sleep(20);
    process.kill(group, 'SIGINT');
    const stopped = await running.ended;
    expect(stopped.status, stopped.stderr).toBe(130);
    expect(stopped.stderr).toContain('stopped after a checkpoint; the same command continues');
    expect(() => process.kill(group, 0), 'nobody is left').toThrow('ESRCH');

    const { status, stderr, json } = await command(...args);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('resumed at phase 1');
    expect(json).toMatchObject({
      n: 60,
      classes: 4,
      rows: [figures('finetune'), figures('finetune:stages.all.rate=0.02')],
      pairs: [{ a: 'finetune:stages.all.rate=0.02', b: 'finetune', mcnemar: expect.any(Number) }],
      out: out(),
      report: join(out(), 'compare.html'),
    });
    expect(stderr).toMatch(/^finetune:stages.all.rate=0.02 +[\d.]+ %.* (above|below|none) /m);
    const page = await readFile(join(out(), 'compare.html'), 'utf8');
    expect(page).toContain(`fieldmark compare --methods ${methods}`);
  }, 600_000);

  test('tells of a method that diverges, by its exit status too', async () => {
    const wild = 'finetune:stages.all.rate=1e9';
    const args = ['compare', '--methods', `finetune,${wild}`, '--data', world.data, ...tiny];
    args.push('--folds', '2', '--set', 'stages.all.batch=8', '--epochs', '8', '--json');
    const { status, stderr, json } = await command(...args, '--out', out());
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(/^finetune:stages.all.rate=1e9 +failed$/m);
    expect(stderr).toMatch(
      /^finetune:stages.all.rate=1e9 has no figures: fold 1, seed 0 failed: /m,
    );
    expect(json).toMatchObject({ rows: [figures('finetune')], failed: [{ label: wild }] });
  }, 120_000);

  test('leaves runs that stand side by side', async () => {
    const other = join(out(), 'finetune-stages.all.rate=0.02', 'fold-1');
    const pair = await command('compare', run(), other, '--out', place('pair'), '--json');
    expect(pair.json, pair.stderr).toMatchObject({ n: 30, rows: [figures(run()), figures(other)] });
    expect((await readdir(place('pair'))).sort()).toEqual(['compare.html', 'compare.json']);
  });

  test('leaves runs that are scored on their folds', async () => {
    const fold = await command('evaluate', run(), '--fold', '--workers', '0', '--json');
    expect(fold.json, fold.stderr).toMatchObject({ n: 30, split: 'test' });
    const plain = await command('evaluate', run(), '--data', world.data, '--no-report');
    expect(plain.stderr).toMatch(/split 'test': expected photographs that .* was not trained on/);
  });

  test('leaves runs that explain an answer against a rival', async () => {
    const [line] = (await readFile(join(world.data, 'images.txt'), 'utf8')).split('\n');
    const photo = join(world.data, 'images', line.split(' ')[1]);
    const explain = ['explain', run(), photo, '--out', place('explained'), '--json'];
    const { json } = await command(...explain);
    const [{ answers, boxes }] = (json as { explanations: Explained[] }).explanations;
    expect(boxes).toEqual([]);
    const [answer, rival] = answers.map(({ name }) => name);
    const explained = await command(...explain, '--versus', rival);
    const known = { path: expect.any(String), similarity: expect.any(Number) };
    expect(explained.json, explained.stderr).toMatchObject({
      explanations: [
        {
          answer: { name: answer },
          rival: { name: rival },
          nearest: { [answer]: known, [rival]: known },
        },
      ],
    });
    expect(await readdir(place('explained'))).toHaveLength(1);
    const wrong = await command(...explain, '--versus', `${rival}x`);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain(`Did you mean '${rival}'`);
  });
});

interface Explained {
  readonly answers: readonly { readonly name: string }[];
  readonly boxes: readonly unknown[];
}

test.each([
  [['--methods', 'finetune', '--data', 'x'], /--out <dir>/],
  [['--methods', 'finetune', '--out', 'x'], /--data <dir>/],
  [['--data', 'x', '--out', 'y'], /--methods <list>, or finished runs/],
  [['run'], /at least two runs, got one/],
  [['a', 'b', '--methods', 'finetune'], /got both/],
  [['a', 'b', '--epochs', '3'], /to finished runs, got --epochs/],
  [['a', 'b', '--fold-seed', '0'], /to finished runs, got --fold-seed/],
  [['--methods', 'finetune', '--split', 'test'], /on folds, got --split/],
])('%j is refused with status 2', async (args, message) => {
  const { status, stdout, stderr } = await command('compare', ...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
});
