import { describe, expect, test } from 'vitest';
import type { ContestantName, Row } from '../../bench/rows.ts';
import { resultOf } from '../../bench/support/results.ts';
import type { Outcome } from '../../bench/support/rounds.ts';
import { renderNotes, renderTable } from '../../bench/support/table.ts';

const step: Row = {
  name: 'step:resnet18:train',
  unit: 'step',
  work: { kind: 'step', net: 'resnet18', norms: 'train', batch: 16, size: 224 },
  contestants: ['portable', 'blocked', 'torch', 'channelsLast'],
};
const quiet = { absent: {}, busy: 0.02 };
const jpeg: Row = {
  name: 'jpeg',
  unit: 'photo',
  work: { kind: 'jpeg', size: 224, scale: [0.35, 1] },
  contestants: ['portable', 'torch'],
};

function ran(name: ContestantName, ms: number, peakMb = 1000): Outcome<ContestantName> {
  const createMs = name === 'portable' || name === 'blocked' ? ms / 10 : undefined;
  return { name, createMs, times: Array.from({ length: 7 }, () => ms), peakMb };
}

describe('a result', () => {
  test('compares PyTorch with blocked, and with portable beside', () => {
    const outcomes = [
      ran('portable', 1600, 900),
      ran('blocked', 800, 800),
      ran('torch', 1000),
      ran('channelsLast', 880),
    ];
    expect(resultOf(step, outcomes, quiet)).toMatchObject({
      name: 'step:resnet18:train',
      kind: 'step',
      ours: 'blocked',
      ratio: 1.25,
      interval: [1.25, 1.25],
      ratioPortable: 0.625,
      ratioChannelsLast: 1.1,
      ms: { portable: 1600, blocked: 800, torch: 1000, channelsLast: 880 },
      memoryRatio: 1.25,
      createMs: { portable: 160, blocked: 80 },
    });
  });

  test('takes portable where there is no blocked', () => {
    const result = resultOf(step, [ran('portable', 500), ran('torch', 1000)], {
      ...quiet,
      absent: { blocked: 'not yet' },
    });
    expect(result).toMatchObject({ ours: 'portable', ratio: 2, ratioPortable: 2 });
    expect(result.ratioChannelsLast).toBeNull();
    expect(result.absent).toEqual({ blocked: 'not yet' });
  });

  test('has no ratio without a partner', () => {
    const alone = resultOf(step, [ran('portable', 500)], { ...quiet, absent: { torch: 'none' } });
    expect(alone).toMatchObject({ ratio: null, interval: null, memoryRatio: null });
    const failed: Outcome<ContestantName> = { name: 'portable', failure: 'out of memory' };
    const theirs = resultOf(step, [failed, ran('torch', 500)], quiet);
    expect(theirs).toMatchObject({ ours: null, ratio: null, ms: { torch: 500 } });
    expect(theirs.failures).toEqual({ portable: 'out of memory' });
  });

  test('counts photographs a second', () => {
    const result = resultOf(jpeg, [ran('portable', 8), ran('torch', 10)], quiet);
    expect(result.perSecond).toEqual({ portable: 125, torch: 100 });
  });
});

describe('the table', () => {
  const rows = [
    resultOf(step, [ran('portable', 1600, 900), ran('torch', 1000), ran('channelsLast', 8.5)], {
      absent: { blocked: 'not yet' },
      busy: 1.84,
    }),
    resultOf(jpeg, [ran('portable', 8, 150), { name: 'torch', failure: 'no PIL' }], quiet),
  ];

  test('lines its cells up and leaves out columns of engines that nobody asked for', () => {
    expect(renderTable(rows).split('\n')).toEqual([
      'row                  ms per  portable  blocked  PyTorch  ch.last  ratio       90 %  r.chlast  r.portable  MB ours  MB PyT.  r.MB  create',
      '-'.repeat(136),
      'step:resnet18:train  step        1600        -     1000     8.50   0.63  0.63-0.63      0.01        0.63      900     1000  1.11     160',
      'jpeg                 photo       8.00        -   failed        -      -          -         -           -      150        -     -    0.80',
    ]);
  });

  test('has notes with rates, absences, failures and disturbances', () => {
    const notes = renderNotes(rows);
    expect(notes).toContain('jpeg: ours 125 photographs/s');
    expect(notes).toContain('no blocked: not yet');
    expect(notes).toContain('jpeg, torch failed: no PIL');
    expect(notes).toMatch(/up to 1.8 processors busy; these rows say little: step:resnet18:train$/);
  });
});
