import { expect, test } from 'vitest';
import { busyBetween } from '../../bench/support/busy.ts';
import { spread } from '../../bench/support/photos.ts';
import { duration, progressLine, progressWriter } from '../../bench/support/progress.ts';

test('a line has the rows done and the time left', () => {
  const at = { row: 'jpeg', done: 2, total: 10, share: 0.5, what: 'round 4 of 7', elapsed: 100 };
  expect(progressLine(at)).toBe('3/10 jpeg: round 4 of 7, about 5 min left');
  expect(progressLine({ ...at, done: 0, share: 0 })).toBe('1/10 jpeg: round 4 of 7');
});

test('durations are seconds, then minutes', () => {
  expect(duration(12.3)).toBe('13 s');
  expect(duration(600)).toBe('10 min');
});

test('a terminal gets every line in one place, a file only some', () => {
  const written: string[] = [];
  const stream = (isTTY: boolean) => ({ isTTY, write: (text: string) => written.push(text) > 0 });
  const toFile = progressWriter(stream(false));
  toFile('a');
  toFile('b');
  expect(written.splice(0)).toEqual(['a\n']);
  const toTerminal = progressWriter(stream(true));
  toTerminal('a');
  toTerminal('b');
  expect(written.join('')).toContain('\r\x1b[2Kb');
});

test('photographs are taken from all over the list', () => {
  expect(spread([0, 1, 2, 3, 4, 5, 6, 7], 4)).toEqual([0, 2, 4, 6]);
  expect(spread([1, 2], 5)).toEqual([1, 2]);
});

test('busy processors are counted over all of them', () => {
  const times = (user: number, idle: number) => ({ user, nice: 0, sys: 0, irq: 0, idle });
  const before = [times(100, 100), times(0, 0)];
  expect(busyBetween(before, [times(300, 100), times(50, 150)])).toBeCloseTo(1.25);
  expect(busyBetween(before, before)).toBe(0);
});
