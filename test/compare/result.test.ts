// The figures of comparisons, worked out by hand, and what must not be compared.

import { describe, expect, test } from 'vitest';
import { stageBudgets } from '../../src/compare/budget.ts';
import { chooseDisagreements } from '../../src/compare/disagreements.ts';
import { confusedBy, renderComparison } from '../../src/compare/page.ts';
import {
  alignScores,
  type ComparisonResult,
  resultOf,
  shareRight,
} from '../../src/compare/result.ts';
import type { RunScores } from '../../src/compare/scores.ts';
import {
  budgetLines,
  differenceText,
  leadLines,
  minutesText,
  passesText,
  points,
  spreadText,
} from '../../src/compare/words.ts';
import { phasesOf } from '../../src/train/read-metrics.ts';

/** Scores of one run: `truths` and `answers` as letters, one for each image. */
function scores(ids: string, truths: string, answers: string, more: Partial<RunScores> = {}) {
  const classes = more.classes ?? ['a', 'b'];
  const labels = (letters: string) => Array.from(letters, (letter) => classes.indexOf(letter));
  return {
    model: '',
    split: 'test',
    classes,
    ids: Array.from(ids),
    paths: Array.from(ids, (id) => `/${id}`),
    truths: labels(truths),
    answers: labels(answers),
    confidences: Array.from(ids, () => 0.9),
    retrieval: { queries: ids.length, recallAt1: 0.5 },
    seconds: 60,
    ...more,
  } satisfies RunScores;
}

const entry = (label: string, ...repetitions: RunScores[][]) => ({
  label,
  baseline: false,
  scores: repetitions,
});

const leadText = (result: ComparisonResult) => leadLines(result).join(' ');

describe('two folds, two methods', () => {
  // images 1 to 4 in the first fold, 5 and 6 in the second; three of class a, three of b
  const first = entry('first', [
    scores('1234', 'aabb', 'abbb', {
      retrieval: { queries: 4, recallAt1: 0.75 },
      firsts: [1, 0, 1, 1],
    }),
    scores('56', 'ab', 'aa', { retrieval: { queries: 1, recallAt1: 0 }, firsts: [0, null] }),
  ]);
  const second = entry('second', [
    // another order of images, another order of classes, and all but image 2 answered
    scores('4321', 'bbaa', 'bbba', { classes: ['b', 'a'], firsts: [1, 1, 1, 0] }),
    scores('65', 'ba', 'ba', { seconds: 30, firsts: [null, 1] }),
  ]);
  const answered = alignScores([first, second]);
  const result = resultOf(answered);

  test('accuracies, means over classes, retrieval over queries, time', () => {
    expect(answered.ids).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(answered.truths).toEqual([0, 0, 1, 1, 0, 1]);
    expect(result).toMatchObject({ n: 6, classes: 2 });
    const [a, b] = result.rows;
    // first: a 2 of 3, b 2 of 3; second: a 2 of 3, b 3 of 3
    expect([a.top1, b.top1]).toBeAllClose([4 / 6, 5 / 6]);
    expect([a.perClassMean, b.perClassMean]).toBeAllClose([2 / 3, 5 / 6]);
    expect(a.recallAt1).toBeCloseTo((4 * 0.75 + 1 * 0) / 5, 12);
    expect([a.minutes, b.minutes]).toEqual([2, 1.5]);
  });

  test('what is found first is paired, too, over the images that have another of their class', () => {
    expect(result.rows[0].recallDifference).toBeNull();
    // images 1 to 5: the first finds 1, 3 and 4, the second 2, 3, 4 and 5
    expect(result.rows[1].recallDifference).toMatchObject({ n: 5, onlyA: 2, onlyB: 1 });
    expect(result.rows[1].recallDifference?.difference).toBeCloseTo(1 / 5, 12);
    const without = entry('old', [scores('123456', 'aabbab', 'aabbab')]);
    const [, old] = resultOf(alignScores([first, without])).rows;
    expect([old.recallAt1, old.recallDifference]).toEqual([0.5, null]);
  });

  test('the difference is paired: one image that only the second has right', () => {
    const { difference } = result.rows[1];
    expect(result.rows[0].difference).toBeNull();
    expect(difference).toMatchObject({ n: 6, onlyA: 1, onlyB: 0, mcnemar: 1 });
    expect(difference?.difference).toBeCloseTo(1 / 6, 12);
    expect(difference?.claim).toBeNull(); // one image of six proves nothing
    expect(result.pairs).toHaveLength(1);
    expect(result.pairs[0]).toMatchObject({ a: 'second', b: 'first' });
  });

  test('what they confuse, and where they disagree', () => {
    expect(confusedBy(answered, 9)).toEqual([
      { truth: 0, answer: 1, counts: [1, 1] },
      { truth: 1, answer: 0, counts: [1, 0] },
    ]);
    expect(chooseDisagreements(answered, 4)).toEqual([5]);
  });
});

test('with seeds, an image counts by the share of them that answer it rightly', () => {
  const a = entry('a', [scores('12', 'ab', 'ab')], [scores('12', 'ab', 'aa')]);
  const b = entry('b', [scores('12', 'ab', 'bb')], [scores('12', 'ab', 'ab')]);
  const answered = alignScores([a, b]);
  expect(Array.from(shareRight(answered.contestants[0], answered.truths))).toEqual([1, 0.5]);
  const [first, second] = resultOf(answered).rows;
  expect(first.top1BySeed).toEqual([1, 0.5]);
  expect(second.top1BySeed).toEqual([0.5, 1]);
  expect(second.difference).toMatchObject({ difference: 0, onlyA: 1, onlyB: 1, mcnemar: 1 });
  expect(spreadText(first)).toBe('50.0 % to 100.0 %');
  expect(first.minutes).toBe(2);
});

test('a claim needs an interval that does not reach zero, and says on which side', () => {
  const ids = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const n = ids.length;
  const right = 'a'.repeat(n);
  const good = entry('good', [scores(ids, right, right)]);
  const bad = entry('bad', [scores(ids, right, 'b'.repeat(n / 2) + 'a'.repeat(n / 2))]);
  const below = resultOf(alignScores([good, bad])).rows[1];
  const above = resultOf(alignScores([bad, good])).rows[1];
  expect([below, above].map(({ difference }) => difference?.claim)).toEqual(['below', 'above']);
  // 26 of 52: half the images, give or take 1.645 sqrt(0.25 / 52) = 0.114
  expect(above.difference?.interval[0]).toBeGreaterThan(0.5 - 0.15);
  expect(above.difference?.interval[1]).toBeLessThan(0.5 + 0.15);
  expect(differenceText(above)).toMatch(/^\+50\.0 \(\+3\d\.\d to \+6\d\.\d\)$/);
  expect(leadText(resultOf(alignScores([bad, good])))).toMatch(
    /^bad answers 50\.0 % of 52 images of 2 classes rightly\. good is 50\.0 points above bad \(90 % interval \+3\d\.\d to \+6\d\.\d\)\.$/,
  );
  expect(leadText(resultOf(alignScores([good, bad])))).toMatch(
    /bad is 50\.0 points below good \(90 % interval −6\d\.\d to −3\d\.\d\)\.$/,
  );
});

test('words, table, colour and JSON say the same of every difference', () => {
  const ids = Array.from({ length: 80 }, (_, i) => String.fromCharCode(0x4e00 + i)).join('');
  const truth = 'a'.repeat(80);
  const wrong = (from: number, n: number) =>
    scores(
      ids,
      truth,
      Array.from(truth, (_, i) => (i >= from && i < from + n ? 'b' : 'a')).join(''),
    );
  const pairs = [
    [wrong(0, 20), wrong(0, 0), 'above'],
    [wrong(0, 0), wrong(0, 20), 'below'],
    [wrong(0, 0), wrong(0, 4), 'few'],
    [wrong(0, 6), wrong(6, 1), 'split'],
    [wrong(0, 9), wrong(9, 8), 'interval'],
  ] as const;
  for (const [a, b, what] of pairs) {
    const answered = alignScores([entry('a', [a]), entry('b', [b])]);
    const result = resultOf(answered);
    const { claim, doubt } = result.rows[1].difference!;
    expect(claim ?? doubt).toBe(what);
    const lead = leadText(result);
    expect(lead.includes('cannot be told')).toBe(claim === null);
    if (claim !== null) expect(lead).toContain(`25.0 points ${claim} a`);
    expect(lead).not.toMatch(/(above|below) \w+ by/);
    const page = renderComparison({
      title: 't',
      subtitle: 's',
      result,
      answered,
      failed: [],
      findings: [],
      charts: [],
      disagreements: [],
      command: 'c',
      environment: {},
    });
    const look = { above: 'claim right', below: 'claim wrong', none: 'quiet' }[claim ?? 'none'];
    expect(page).toContain(`<span class="${look}">${claim ?? 'none'}</span>`);
    expect(JSON.stringify(result)).not.toContain('holds');
  }
});

describe('budgets', () => {
  const budget = (stages: [string, 'photographs' | 'features', number][], images = 100) => ({
    images,
    stages: stages.map(([stage, on, epochs]) => ({ stage, on, epochs })),
  });
  const plain = budget([
    ['head', 'features', 100],
    ['all', 'photographs', 8],
  ]);
  const more = budget([
    ['head', 'features', 130],
    ['all', 'photographs', 8],
  ]);
  const answered = alignScores([
    entry('plain', [scores('12', 'ab', 'ab')]),
    entry('more', [scores('12', 'ab', 'ab', { seconds: 300 })]),
    entry('same', [scores('12', 'ab', 'ab')]),
  ]);
  const result = resultOf(answered, { budgets: [plain, more, plain] });

  test('are shown, and told where they are not equal', () => {
    expect(result.rows.map(passesText)).toEqual([
      'head 100 cached, all 8',
      'head 130 cached, all 8',
      'head 100 cached, all 8',
    ]);
    expect(budgetLines(result)).toEqual([
      'Budgets are not those of plain; a difference may be owed to that.',
      'more: 130 against 100 passes over cached features; 5.0 against 1.0 minutes',
    ]);
    expect(budgetLines(resultOf(answered, { budgets: [plain, plain, plain] })).join()).not.toMatch(
      /passes/,
    );
    expect(passesText(resultOf(answered).rows[0])).toBe('–');
  });

  test('count epochs of a stage and its refit, as the mean over the runs', () => {
    const line = (stage: string, refit: boolean, more: object) => ({ stage, refit, ...more });
    const epoch = (n: number) => ({ epoch: n, loss: 1 });
    const first = [
      line('head', false, epoch(1)),
      line('head', false, epoch(2)),
      line('all', false, { step: 0, loss: 1 }),
      line('all', false, { step: 1, loss: 1 }),
      line('all', false, epoch(1)),
      line('all', false, { finding: null }),
      line('head', true, epoch(1)),
    ];
    const second = first.slice(0, 5);
    expect(stageBudgets([phasesOf(first), phasesOf(second)])).toEqual([
      { stage: 'head', on: 'features', epochs: 2.5 },
      { stage: 'all', on: 'photographs', epochs: 1 },
    ]);
  });
});

test('numbers in words', () => {
  expect([0.0123, -0.2, -0.0001].map(points)).toEqual(['+1.2', '−20.0', '+0.0']);
  const row = resultOf(alignScores([entry('a', [scores('1', 'a', 'a', { seconds: null })])]))
    .rows[0];
  expect(minutesText(row)).toBe('–');
  expect(differenceText(row)).toBe('');
});

test.each([
  ['another image', scores('13', 'ab', 'ab'), /expected the same 2 images/],
  ['another label', scores('12', 'aa', 'ab'), /got 2 images, of which 1 differ or are missing/],
  ['one image more', scores('123', 'aba', 'aba'), /got 3 images/],
  [
    'other classes',
    scores('12', 'ac', 'ac', { classes: ['a', 'c'] }),
    /2 classes, got other classes/,
  ],
])('refuses %s', (_what, other, message) => {
  const entries = [entry('a', [scores('12', 'ab', 'ab')]), entry('b', [other])];
  expect(() => alignScores(entries)).toThrow(message);
});
