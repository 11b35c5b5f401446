// A run knows its photographs and weights by what they hold: where they lie may change while it rests.

import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readRunConfig, runPaths } from '../../src/train/run-folder.ts';
import { command } from '../support/command.ts';
import {
  resultOf,
  saveBackbone,
  stopHere,
  tinySettings,
  tinyWorld,
  trainHere,
} from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const changes = () =>
  ({ weights: place('first.safetensors'), epochs: 2, lowering: 'portable' }) as const;

/** Stops a run in its second epoch. */
async function begin(name: string): Promise<string> {
  const run = place(name);
  await stopHere(world.data, run, changes(), (e) => e.kind === 'epoch' && e.stage === 'all');
  return run;
}

beforeAll(async () => {
  await trainHere(world.data, place('start'), { weights: 'none', epochs: 1 });
  await saveBackbone(place('start'), place('first.safetensors'));
  await cp(world.data, place('elsewhere/birds'), { recursive: true });
  await cp(place('first.safetensors'), place('elsewhere/moved.safetensors'));
});

const moved = () => ({
  ...changes(),
  weights: place('elsewhere/moved.safetensors'),
});

test('moved data and weights: the run goes on to the same bytes, and remembers the places', async () => {
  const whole = place('whole');
  await trainHere(world.data, whole, changes());
  const run = await begin('moved');
  const data = place('elsewhere/birds');
  await trainHere(data, run, moved(), { mode: 'resume' });

  const [got, expected] = [await resultOf(run), await resultOf(whole)];
  const manifest = '/model/fieldmark.json';
  const at = (text: string) => text.replaceAll('elsewhere/moved.safetensors', 'first.safetensors');
  expect({ ...got, [manifest]: at(got[manifest]) }).toEqual(expected);
  expect(await readRunConfig(run)).toMatchObject({ data, weights: moved().weights });
});

test('the command needs to be told the new place alone', async () => {
  const run = await begin('told');
  const data = place('elsewhere/birds');
  const { status, stderr } = await command('train', '--out', run, '--resume', '--data', data);
  expect(status, stderr).toBe(0);
  expect(await readRunConfig(run)).toMatchObject({ ...tinySettings, ...changes(), data });
});

test('other photographs or weights in the new place are refused, and the run is as it was', async () => {
  const run = await begin('others');
  const config = await readFile(runPaths(run).config, 'utf8');
  const data = place('others-data');
  await cp(world.data, data, { recursive: true });
  await rename(join(data, 'images'), join(data, 'was'));
  await cp(join(data, 'was'), join(data, 'images'), { recursive: true });
  const [, first] = (await readFile(join(data, 'images.txt'), 'utf8')).split('\n')[0].split(' ');
  const [, last] = (await readFile(join(data, 'images.txt'), 'utf8'))
    .trim()
    .split('\n')
    .at(-1)!
    .split(' ');
  await cp(join(data, 'was', last), join(data, 'images', first));
  await saveBackbone(place('start'), place('changed.safetensors'));
  const bytes = await readFile(place('changed.safetensors'));
  bytes[bytes.length - 1] ^= 1;
  await writeFile(place('changed.safetensors'), bytes);

  const others = [
    [data, changes()],
    [world.data, { ...changes(), weights: place('changed.safetensors') }],
  ] as const;
  for (const [from, settings] of others) {
    await expect(trainHere(from, run, settings, { mode: 'resume' })).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringMatching(/expected the images, labels and weights .*start a new run/),
    });
    expect(await readFile(runPaths(run).config, 'utf8')).toBe(config);
  }
});

test('settings that cannot change say what to do instead', async () => {
  const run = await begin('settings');
  const more = trainHere(world.data, run, { ...changes(), epochs: 9 }, { mode: 'resume' });
  await expect(more).rejects.toMatchObject({
    code: 'FM_RUN',
    message: expect.stringMatching(/started with \(epochs=2\), got epochs=9\. .*start a new run/),
  });
  const none = trainHere(world.data, run, { ...changes(), weights: 'none' }, { mode: 'resume' });
  await expect(none).rejects.toMatchObject({ message: expect.stringContaining('weights="none"') });
});
