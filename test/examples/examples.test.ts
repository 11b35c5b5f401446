// The modules below examples/, as people name them on the command line.

import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { tinyWorld } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const small = ['--size', '32', '--threads', '1', '--set', 'workers=0', '--weights', 'none'];

test('a method with part supervision, a sampler and evidence of its own', async () => {
  const run = place('pointing');
  const method = ['--method', './examples/pointing.js', '--set', 'options.weight=5'];
  const epochs = ['--epochs', '12', '--set', 'stages.all.batch=8', '--set', 'stages.all.rate=0.02'];
  const data = ['--data', world.data, '--backbone', 'resnet_tiny', '--out', run];
  const trained = await command('train', ...data, ...method, ...epochs, ...small, '--json');
  expect(trained.stderr).not.toMatch(/error|defect/);
  expect(trained.status).toBe(0);

  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const pointed = lines.map((line) => JSON.parse(line).pointed).filter((v) => v !== undefined);
  expect(pointed.length).toBeGreaterThan(10);
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  expect(mean(pointed.slice(-5))).toBeLessThan(0.7 * mean(pointed.slice(0, 5)));

  const manifest = JSON.parse(await readFile(join(run, 'model/fieldmark.json'), 'utf8'));
  expect(manifest.method).toBe('pointing');
  const photo = join(world.data, 'images', await firstImage());
  const explained = await command('explain', run, photo, '--out', place('explained'), '--json');
  expect(explained.status).toBe(0);
  // the module's bytes are part of what a run is of
  const moved = place('moved.js');
  await copyFile('examples/pointing.js', moved);
  const resumed = await command('train', '--resume', '--out', run, '--json');
  expect(resumed.status).toBe(0);
});

async function firstImage(): Promise<string> {
  const list = await readFile(join(world.data, 'images.txt'), 'utf8');
  return list.split('\n')[0].split(' ')[1];
}

test('a network, and a dataset', async () => {
  const photos = place('photos');
  await mkdir(photos);
  const list = (await readFile(join(world.data, 'images.txt'), 'utf8')).trim().split('\n');
  for (const [i, line] of list.entries()) {
    const image = line.split(' ')[1];
    const [folder] = image.split('/');
    await copyFile(join(world.data, 'images', image), join(photos, `${folder.slice(4)}_${i}.jpg`));
  }
  const modules = [
    '--format',
    './examples/prefixes.js',
    '--backbone',
    './examples/small-network.js',
  ];
  const run = place('small');
  const trained = await command(
    ...['train', '--data', photos, '--out', run, '--epochs', '2', ...modules, ...small],
    ...['--set', 'stages.all.batch=8', '--json'],
  );
  expect(trained.stderr).toMatch(/4 classes/);
  expect(trained.status).toBe(0);
  const [photo] = list.map((line) => join(world.data, 'images', line.split(' ')[1]));
  const answered = await command('predict', run, photo, '--json');
  expect(answered.json).toMatchObject({ predictions: [{ answers: expect.any(Array) }] });
});

test.each<[string, string, RegExp]>([
  [
    'nothing',
    'export const here = 1;',
    /own\.js: expected a method as the default export, got no default export/,
  ],
  ['another thing', 'export default 3;', /own\.js: expected a method .*, got number/],
  [
    'half of one',
    "export default { name: 'half' };",
    /expected a method whose 'citation' is of the type string, got undefined.*docs\/extending\.md/,
  ],
  ['what breaks', 'throw new RangeError("too far");', /got RangeError: too far\. Mend the module/],
  ['no JavaScript', 'export default {', /got [^\n]*(own\.js|SyntaxError)[^\n]*Mend the module/],
])('%s is told', async (_, text, message) => {
  const path = place('own.js');
  await writeFile(path, text);
  const outcome = await command(
    'train',
    '--data',
    world.data,
    '--method',
    path,
    '--out',
    place('no'),
  );
  expect(outcome.status).toBe(2);
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).not.toContain('defect');
});

test('a module that is not there is told', async () => {
  const outcome = await command('train', '--data', world.data, '--method', './none.js');
  expect(outcome.stderr).toMatch(/none\.js: expected a method, got no file\. Check the path\./);
});
