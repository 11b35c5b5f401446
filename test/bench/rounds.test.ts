import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Launch } from '../../bench/support/contestant.ts';
import { compete } from '../../bench/support/rounds.ts';
import { temporaryFolder } from '../support/files.ts';

/** Answers each go with the next of these, notes its turns in a file, and dies after the last. */
function scripted(name: string, times: readonly number[], log: string): Launch {
  const script = `
    const { appendFileSync } = require('node:fs');
    const times = ${JSON.stringify(times)};
    const note = (what) => appendFileSync(${JSON.stringify(log)}, ${JSON.stringify(name)} + what + ' ');
    const say = (message) => console.log(JSON.stringify(message));
    note('+');
    say({ ready: true, createMs: 7 });
    require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
      if (times.length === 0) throw new RangeError('out of steps');
      note('');
      say({ ms: times.shift(), peakMb: 50 });
    }).on('close', () => note('-'));`;
  return { command: process.execPath, args: ['-e', script] };
}

const options = { rounds: 2, warmUp: 1 };

describe('rounds', () => {
  test('alternate, first does not stay first, and warm-up does not count', async () => {
    const log = join(await temporaryFolder({ log: '' }), 'log');
    const launches = new Map([
      ['a', scripted('a', [9, 1, 2], log)],
      ['b', scripted('b', [9, 3, 4], log)],
    ]);
    const said: string[] = [];
    const outcomes = await compete(launches, { ...options, onProgress: (what) => said.push(what) });
    expect(outcomes).toEqual([
      { name: 'a', createMs: 7, times: [1, 2], peakMb: 50 },
      { name: 'b', createMs: 7, times: [3, 4], peakMb: 50 },
    ]);
    expect(said).toEqual(['starts a', 'starts b', 'warms up', 'round 1 of 2', 'round 2 of 2']);
    const turns = (await readFile(log, 'utf8')).trim().split(' ');
    expect(turns.slice(0, 8).join(' ')).toBe('a+ b+ a b b a a b');
    expect(turns.slice(8).sort()).toEqual(['a-', 'b-']);
  });

  test('go on without a contestant that fails, at the start or on the way', async () => {
    const log = join(await temporaryFolder({ log: '' }), 'log');
    const launches = new Map([
      ['whole', scripted('w', [9, 1, 2], log)],
      ['broken', scripted('b', [9, 3], log)],
      ['absent', { command: 'fieldmark-no-such-program', args: [] }],
    ]);
    const [whole, broken, absent] = await compete(launches, options);
    expect(whole).toMatchObject({ name: 'whole', times: [1, 2] });
    expect(broken).toMatchObject({
      name: 'broken',
      createMs: 7,
      failure: 'ended with status 1: RangeError: out of steps',
    });
    expect(absent).toMatchObject({ name: 'absent', failure: expect.stringContaining('ENOENT') });
  });

  test('an answer without a time is a failure', async () => {
    const log = join(await temporaryFolder({ log: '' }), 'log');
    const [outcome] = await compete(new Map([['a', scripted('a', [0], log)]]), options);
    expect(outcome).toMatchObject({ failure: 'expected milliseconds, got 0' });
  });
});
