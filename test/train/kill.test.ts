// Power cuts: the command or its training process is killed at random instants, again and again.
// What the run ends with must be what an uninterrupted one ends with, byte for byte.
//
// FIELDMARK_FULL=1 kills 20 times instead of 3. The seed is printed; FIELDMARK_SEED sets it.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { runPaths } from '../../src/train/run-folder.ts';
import { childrenOf, command, type Identity, isRunning, startCommand } from '../support/command.ts';
import { resultOf, saveBackbone, tinyWorld, trainHere } from '../support/tiny-run.ts';

const KILLS = process.env.FIELDMARK_FULL ? 20 : 3;
const seed = Number(process.env.FIELDMARK_SEED ?? 20);
const world = tinyWorld();

function trainArgs(out: string, weights: string, epochs = 4): string[] {
  const stage = ['batch=8', 'rate=0.02', 'accumulate=2', 'ema=0.9', 'mixup=0.2', 'cutmix=1'];
  const sets = ['checkpointEvery=0.2', ...stage.map((setting) => `stages.all.${setting}`)];
  return [
    'train',
    ...['--data', world.data, '--weights', weights, '--backbone', 'resnet_tiny', '--size', '32'],
    ...['--epochs', `${epochs}`, '--seed', '1', '--threads', '1', '--workers', '0', '--refit'],
    ...sets.flatMap((text) => ['--set', text]),
    ...['--out', out],
  ];
}

/** Fails when a process is still there after some seconds, far fewer than its training takes. */
async function mustEnd(processes: readonly Identity[]): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (processes.some(isRunning)) {
    if (performance.now() > deadline) throw new Error('an orphan process is left');
    await sleep(20);
  }
}

/** Runs the command, killing it or its trainer after a while. True when it came to its end first. */
async function attempt(args: string[], delay: number, victim: 'parent' | 'child') {
  const running = startCommand(args);
  const first = await Promise.race([running.ended, sleep(delay, 'time')]);
  if (first !== 'time') return { outcome: await running.ended, killed: false };
  const parent = running.process.pid!;
  const trainers = trainersOf(parent);
  // before the trainer is there, the only one to kill is the command
  kill(victim === 'child' && trainers.length > 0 ? trainers[0].pid : parent);
  const outcome = await running.ended;
  await mustEnd(trainers);
  // one that had just said that it was done
  return { outcome, killed: outcome.status !== 0 };
}

/** Training processes of a command; the compiler that tsx may start is none. */
function trainersOf(pid: number): Identity[] {
  return childrenOf(pid).filter(({ command: line }) => line.includes('worker.ts'));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause; // it ended this moment
  }
}

test('a trainer ends with the command that started it', async () => {
  const out = join(world.folder, 'long');
  const running = startCommand(trainArgs(out, 'none', 500));
  while (!existsSync(runPaths(out).metrics)) {
    expect(running.process.exitCode, running.stderr()).toBe(null);
    await sleep(20);
  }
  const trainers = trainersOf(running.process.pid!);
  expect(trainers).toHaveLength(1);
  kill(running.process.pid!);
  await running.ended;
  await mustEnd(trainers);
});

test(`killed ${KILLS} times, a run ends as if nothing had happened`, async () => {
  const weights = join(world.folder, 'tiny.safetensors');
  await trainHere(world.data, join(world.folder, 'before'), { epochs: 1 });
  await saveBackbone(join(world.folder, 'before'), weights);

  const whole = join(world.folder, 'whole');
  const begun = performance.now();
  const { status, stderr } = await command(...trainArgs(whole, weights));
  const duration = performance.now() - begun;
  expect(status, stderr).toBe(0);
  const expected = await resultOf(whole);

  const stream = randomStream(seed, 'kill');
  const story: string[] = [];
  let [kills, round] = [0, 0];
  while (kills < KILLS) {
    const out = join(world.folder, `killed-${round}`);
    const args = () => {
      const started = existsSync(runPaths(out).config);
      return [...trainArgs(out, weights), ...(started ? ['--resume'] : [])];
    };
    // starting takes a third of the time; most kills are to hit the training
    const delay = duration * stream.uniform(kills % 4 === 3 ? 0.05 : 0.35, KILLS > 3 ? 0.9 : 0.65);
    const victim = kills % 2 === 0 ? 'parent' : 'child';
    const { outcome, killed } = await attempt(args(), delay, victim);
    story.push(`${killed ? `killed ${victim}` : 'ended'} at ${delay.toFixed(0)} ms`);
    const told = `seed ${seed}: ${story.join(', ')}\n${outcome.stderr}`;
    if (killed) {
      kills++;
      if (outcome.status !== null) expect(outcome.stderr, told).toMatch(/FM_RUNTIME.*--resume/);
      if (kills < KILLS) continue;
      const last = await command(...args());
      expect(last.status, `${told}\n${last.stderr}`).toBe(0);
    } else expect(outcome.status, told).toBe(0);
    expect(await resultOf(out), told).toEqual(expected);
    const files = await readdir(out, { recursive: true });
    expect(files.filter((name) => name.endsWith('.tmp') || name === 'lock')).toEqual([]);
    round++;
  }
  console.log(`seed ${seed}, ${duration.toFixed(0)} ms uninterrupted: ${story.join(', ')}`);
}, 900_000);
