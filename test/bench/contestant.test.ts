// The protocol, against contestants of a few lines.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Contestant, type Launch } from '../../bench/support/contestant.ts';

/** A contestant in plain JavaScript; `say` and `onGo` are there. */
function fake(script: string): Launch {
  const prelude = `
    const say = (message) => console.log(JSON.stringify(message));
    const onGo = (answer) =>
      require('node:readline').createInterface({ input: process.stdin })
        .on('line', (line) => line === 'go' && answer());`;
  return { command: process.execPath, args: ['-e', prelude + script] };
}

describe('a contestant', () => {
  test('builds, answers each go, and ends when its input does', async () => {
    const contestant = await Contestant.start(
      fake(`let n = 0;
        console.log('a library says hello');
        say({ ready: true, createMs: 12 });
        onGo(() => say({ ms: ++n, peakMb: 100 + n }));`),
    );
    expect(contestant.ready).toEqual({ ready: true, createMs: 12 });
    expect(await contestant.go()).toEqual({ ms: 1, peakMb: 101 });
    expect(await contestant.go()).toEqual({ ms: 2, peakMb: 102 });
    await contestant.close();
    await expect(contestant.go()).rejects.toThrow('ended with status 0');
  });

  test('sees its environment', async () => {
    const launch = fake(`say({ ready: true, createMs: Number(process.env.FIELDMARK_FAKE) });`);
    const contestant = await Contestant.start({ ...launch, env: { FIELDMARK_FAKE: '5' } });
    expect(contestant.ready.createMs).toBe(5);
    await contestant.close();
  });

  test('that fails to build gives its error message as the reason', async () => {
    const start = Contestant.start(fake(`throw new TypeError('no such network');`));
    await expect(start).rejects.toThrow('ended with status 1: TypeError: no such network');
  });

  test('that does not exist gives a reason', async () => {
    const start = Contestant.start({ command: 'fieldmark-no-such-program', args: [] });
    await expect(start).rejects.toThrow('ENOENT');
  });

  test('that dies in a round gives its last words', async () => {
    const contestant = await Contestant.start(
      fake(`say({ ready: true });
        onGo(() => { console.error('MemoryError: 3 GB'); process.exit(3); });`),
    );
    await expect(contestant.go()).rejects.toThrow('ended with status 3: MemoryError: 3 GB');
    await expect(contestant.go()).rejects.toThrow('ended with status 3');
    await contestant.close();
  });

  test('that is silent is killed', async () => {
    const start = Contestant.start(fake(`setInterval(() => {}, 1000);`), { patience: 300 });
    await expect(start).rejects.toThrow('no answer within 0.3 s');
  });

  test('that does not end is killed', async () => {
    const contestant = await Contestant.start(
      fake(`say({ ready: true, createMs: process.pid }); setInterval(() => {}, 1000);`),
      { farewell: 50 },
    );
    const pid = contestant.ready.createMs!;
    await contestant.close();
    await sleep(10);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
