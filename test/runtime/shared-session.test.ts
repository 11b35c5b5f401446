// Runs of one session take turns, however many are asked for at once.

import { setTimeout as after } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { float32 } from '../../src/core/tensor.ts';
import type { Session } from '../../src/runtime/session.ts';
import { sharedSession } from '../../src/runtime/shared-session.ts';

/** Answers with the number it is fed; fails on numbers below zero, and when it is used twice at once. */
function fragile() {
  const log = { closed: 0, busy: false };
  const run: Session['run'] = async ({ x }) => {
    if (log.busy) throw new Error('used twice at once');
    log.busy = true;
    await after(2);
    log.busy = false;
    if (Number(x.data[0]) < 0) throw new Error('below zero');
    return { y: x };
  };
  const session: Session = {
    inputNames: ['x'],
    outputNames: ['y'],
    run,
    runOnDevice: async (feeds) => ({ host: await run(feeds as never), kept: {} }),
    close: async () => {
      if (log.busy) throw new Error('closed in use');
      log.closed++;
    },
  };
  return { log, session: sharedSession(session, 'model') };
}

const number = (x: number) => ({ x: float32([1], [x]) });

test('each caller gets its own answer or its own error', async () => {
  const { session } = fragile();
  const runs = [1, -1, 2, 3].map((x) => session.run(number(x)));
  const results = await Promise.allSettled([...runs, session.runOnDevice(number(4))]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(results[3]).toMatchObject({ value: { y: { data: Float32Array.of(3) } } });
});

test('closing waits, closes once, and a later run is one clear error', async () => {
  const { session, log } = fragile();
  const run = session.run(number(1));
  await Promise.all([session.close(), session.close()]);
  expect(await run).toBeDefined();
  expect(log.closed).toBe(1);
  await expect(session.run(number(1))).rejects.toMatchObject({
    code: 'FM_USAGE',
    message: expect.stringMatching(/^model: expected it to be open, got a call after close/),
  });
});
