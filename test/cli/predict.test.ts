// Many photographs in one command: folders, lists, thousands of paths; answers as table and JSON.

import { link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { command, startScript } from '../support/command.ts';
import { fileOf } from '../support/image-files.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const run = () => place('run');
const one = ['--threads', '1'];

interface Predicted {
  readonly predictions: { readonly photo: string; readonly answers: { readonly name: string }[] }[];
}

beforeAll(async () => {
  await trainHere(world.data, run(), { epochs: 1 });
  await mkdir(place('photos/deeper'), { recursive: true });
  for (const [i, name] of ['=1+1.png', 'b, c.png', 'deeper/ü 鳥.png'].entries()) {
    await writeFile(place(`photos/${name}`), await fileOf('png', { width: 40 + i, height: 40 }));
  }
  await writeFile(place('photos/broken.jpg'), 'no photograph');
  await writeFile(
    place('list.txt'),
    `${place('photos/b, c.png')}\r\n\n${place('photos/=1+1.png')}\n`,
  );
});

test('a folder: every photograph in it is answered, a bad one does not keep the others', async () => {
  const table = place('answers.csv');
  const out = await command('predict', run(), place('photos'), ...one, '--csv', table, '--json');
  expect(out.status).toBe(1);
  expect(out.stderr).toMatch(
    /broken\.jpg: expected .*\n[\s\S]*1 of 4 photographs could not be read/,
  );
  const { predictions } = out.json as Predicted;
  expect(predictions.map(({ photo }) => photo.slice(place('photos/').length))).toEqual([
    '=1+1.png',
    'b, c.png',
    'broken.jpg',
    'deeper/ü 鳥.png',
  ]);
  const rows = (await readFile(table, 'utf8')).trimEnd().split('\r\n');
  expect(rows).toHaveLength(5);
  expect(rows[0]).toMatch(
    /^photo,error,genus,confidence of genus,answer 1,confidence 1,.*confidence 4$/,
  );
  expect(rows[2]).toContain(`"${place('photos/b, c.png')}",,`);
  expect(out.stdout.trim().split('\n')).toHaveLength(1);
});

test('a list, from a file or from standard input', async () => {
  const listed = await command('predict', run(), ...one, '--list', place('list.txt'), '--json');
  expect(listed.status, listed.stderr).toBe(0);
  const photos = (listed.json as Predicted).predictions.map(({ photo }) => photo);
  expect(photos).toEqual([place('photos/b, c.png'), place('photos/=1+1.png')]);
  const { stdout, stderr } = await startScript(`
    import { execFileSync } from 'node:child_process';
    const args = ['--import', 'tsx', 'src/cli/main.ts', 'predict', ${JSON.stringify(run())}, '--list', '-', '--json'];
    const input = ${JSON.stringify(place('photos/=1+1.png'))};
    process.stdout.write(execFileSync(process.execPath, args, { input, stdio: ['pipe', 'pipe', 'ignore'] }));
  `).ended;
  expect(JSON.parse(stdout).predictions, stderr).toHaveLength(1);
});

test('lists as other programs leave them', async () => {
  const [one1, comma] = [place('photos/=1+1.png'), place('photos/b, c.png')];
  const utf16 = Buffer.from(`\ufeff${one1}\r\n${comma}\r\n`, 'utf16le');
  const lists = [
    utf16,
    `\ufeff${one1}\n${comma}`,
    `${one1}\0${comma}\0`,
    `"${one1}"\n"${comma}"\n`,
  ];
  for (const [i, content] of lists.entries()) {
    const path = place(`list-${i}.txt`);
    await writeFile(path, content);
    const { json, stderr } = await command('predict', run(), ...one, '--list', path, '--json');
    const photos = (json as Predicted | undefined)?.predictions.map(({ photo }) => photo);
    expect(photos, stderr).toEqual([one1, comma]);
  }
});

test('a folder without photographs does not keep the others from being answered', async () => {
  await mkdir(place('empty'));
  const both = [place('empty'), place('photos/b, c.png')];
  const { status, json, stderr } = await command('predict', run(), ...both, ...one, '--json');
  expect(status, stderr).toBe(0);
  expect(stderr).toContain(`no photographs in ${place('empty')}`);
  expect((json as Predicted).predictions).toHaveLength(1);
});

test('a table is there when it is whole, and never in the place of a folder', async () => {
  const taken = await command('predict', run(), place('photos'), ...one, '--csv', place('photos'));
  expect(taken.status).toBe(1);
  expect(taken.stderr).toMatch(/FM_DISK: .*got a folder of that name/);
  expect(taken.stdout).toBe('');
  const alone = place('alone.csv');
  const bad = await command('predict', run(), place('photos/broken.jpg'), '--csv', alone);
  expect(bad.status).toBe(1);
  const left = (await readdir(world.folder)).filter((name) => name.startsWith('alone'));
  expect(left).toEqual([]);
});

test('photographs too long for the centre crop are told, once, and no others', async () => {
  const sizes = { 'long.png': [600, 200], 'tall.png': [100, 230], 'film.png': [320, 180] };
  for (const [name, [width, height]] of Object.entries(sizes)) {
    await writeFile(place(name), await fileOf('png', { width, height }));
  }
  const paths = Object.keys(sizes).map(place);
  const { stderr, json } = await command('predict', run(), ...paths, ...one, '--json');
  expect(stderr.split('--set view=squash')).toHaveLength(2);
  expect(stderr).toContain(`2 photographs are so long`);
  const cut = (json as { predictions: { cut?: string }[] }).predictions.map((p) => typeof p.cut);
  expect(cut).toEqual(['string', 'string', 'undefined']);
});

test('2 000 paths in one command', async () => {
  const folder = place('many');
  await mkdir(folder);
  const paths = Array.from({ length: 2000 }, (_, i) => join(folder, `photograph-number-${i}.png`));
  for (const path of paths) await link(place('photos/=1+1.png'), path);
  const { status, json, stderr, signal } = await command(
    'predict',
    run(),
    ...paths,
    '-k',
    '1',
    '--json',
  );
  expect([status, signal], stderr.slice(-300)).toEqual([0, null]);
  const { predictions } = json as Predicted;
  expect(predictions.map(({ photo }) => photo)).toEqual(paths);
  expect(new Set(predictions.map(({ answers }) => answers[0].name)).size).toBe(1);
});

describe('what is wrong is said', () => {
  test.each([
    ['no photograph at all', () => [], /expected photographs, got none/],
    ['an empty list', () => ['--list', place('empty.txt')], /got an empty list/],
    ['a list that is not there', () => ['--list', place('none.txt')], /--list: .*got no file/],
    ['a folder as a list', () => ['--list', place('photos')], /--list: .*got a folder/],
    [
      'a photograph as a list',
      () => ['--list', place('photos/b, c.png')],
      /--list: .*got bytes that are no text in UTF-8/,
    ],
    [
      'a table in the place of a photograph',
      () => [place('photos/b, c.png'), '--csv', place('photos/../photos/b, c.png')],
      /--csv: expected a place of its own.*one of the photographs/,
    ],
  ])('%s', async (_, args, message) => {
    await writeFile(place('empty.txt'), '\n');
    const { status, stderr, stdout } = await command('predict', run(), ...args());
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/dataset/i);
    expect(stdout).toBe('');
  });
});

test('evaluate writes classes, confusions and every answer as tables', async () => {
  const tables = place('tables');
  const score = ['evaluate', run(), ...one, '--workers', '0', '--tables', tables, '--json'];
  const { status, json, stderr, stdout } = await command(...score);
  expect(status, stderr).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const written = (name: string) => join(tables, name);
  expect(json).toMatchObject({
    top5: null,
    n: 12,
    tables: expect.arrayContaining([written('classes.csv'), written('images.csv')]),
  });
  const text = (name: string) => readFile(join(tables, name), 'utf8');
  const classes = (await text('classes.csv')).trimEnd().split('\r\n');
  expect(classes[0]).toBe('class,images,right,precision,recall,f1,most taken for');
  expect(classes).toHaveLength(5);
  const images = (await text('images.csv')).trimEnd().split('\r\n');
  expect(images).toHaveLength(13);
  const confusions = (await text('confusions.csv')).trimEnd().split('\r\n').slice(1);
  const counted = confusions.reduce((sum, row) => sum + Number(row.split(',').at(-1)), 0);
  expect(counted).toBe(12);
  const matrix = (await text('confusion-matrix.csv')).trimEnd().split('\r\n').slice(1);
  const cells = matrix.flatMap((row) => row.split(',').slice(1).map(Number));
  expect(cells).toHaveLength(16);
  expect(cells.reduce((a, b) => a + b)).toBe(12);
  const all = JSON.parse(await text('evaluation.json'));
  const right = all.images.filter((image: { right: boolean }) => image.right).length;
  expect(right / 12).toBeCloseTo(all.top1, 12);
  const scored = all.perClass.filter((one: { f1: number | null }) => one.f1 !== null);
  expect(scored.length).toBeGreaterThan(0);
  expect(all.matrix.flat()).toEqual(cells);
});

test('data that spell the classes otherwise are told by the names of the model', async () => {
  const manifest = JSON.parse(await readFile(join(run(), 'model/fieldmark.json'), 'utf8'));
  const classes: string[] = manifest.classes;
  for (const [i, name] of classes.entries()) {
    await mkdir(place(`loud/test/${name.toUpperCase()}`), { recursive: true });
    const photo = await fileOf('png', { width: 40 + i, height: 44 });
    await writeFile(place(`loud/test/${name.toUpperCase()}/1.png`), photo);
    await mkdir(place(`loud/train/${name.toUpperCase()}`), { recursive: true });
    await writeFile(place(`loud/train/${name.toUpperCase()}/2.png`), photo);
  }
  const [tables, report] = [place('loud-tables'), place('loud.html')];
  const score = ['evaluate', run(), ...one, '--workers', '0', '--data', place('loud')];
  const out = await command(...score, '--tables', tables, '--report', report);
  expect(out.status, out.stderr).toBe(0);
  const { images } = JSON.parse(await readFile(join(tables, 'evaluation.json'), 'utf8'));
  const truths = images.map(({ truth }: { truth: string }) => truth);
  expect(new Set(truths)).toEqual(new Set(classes));
  const right = images.filter((image: { right: boolean }) => image.right).length;
  const page = await readFile(report, 'utf8');
  expect(page.split(', in truth')).toHaveLength(1 + images.length - right);
});
