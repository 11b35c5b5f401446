// What leaves an evaluation as files is what was answered, whatever the classes are called.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Dataset, Example } from '../../src/core/example.ts';
import { parseCells } from '../../src/data/datasets/cells.ts';
import { summarise } from '../../src/evaluate/summary.ts';
import { writeTables } from '../../src/evaluate/tables.ts';
import { temporaryFolder } from '../support/files.ts';

const classes = [
  '=cmd|calc',
  'a "b", c;d',
  'シマエナカ\u3099 鳥',
  'x'.repeat(300),
  '@at',
  '\u00e9',
];

/** Each class once, and the last taken for the first. */
async function tablesOf(names: readonly string[]) {
  const k = names.length;
  const labels = [...names.keys(), k - 1];
  const logits = new Float32Array(labels.length * k);
  labels.forEach((label, i) => {
    logits[i * k + (i === k ? 0 : label)] = 3;
  });
  const ids = labels.map((label, i) => `${names[label]}/=${i}.jpg`);
  const options = { logits, labels, classes: names, temperature: 1, ids, split: 'test' as const };
  const evaluation = summarise(options);
  const examples = ids.map((id): Example => ({ id, path: `/${id}`, label: 0, split: 'test' }));
  // the dataset's own spelling and order of the classes are no matter
  const dataset = { classes: ['other'], examples } as unknown as Dataset;
  const folder = await temporaryFolder();
  const run = { evaluation, dataset, examples, labels, logits };
  const paths = await writeTables(folder, run, { classes: names, temperature: 1 });
  const rows = async (name: string) =>
    parseCells(await readFile(join(folder, name), 'utf8'), name).map(({ cells }) => cells);
  const json = JSON.parse(await readFile(join(folder, 'evaluation.json'), 'utf8'));
  return { paths: paths.map((path) => path.slice(folder.length + 1)), rows, json };
}

test('files by their names, figures and odd names in them', async () => {
  const { paths, rows, json } = await tablesOf(classes);
  const tables = ['classes', 'confusions', 'images', 'confusion-matrix'].map((one) => `${one}.csv`);
  expect(new Set(paths)).toEqual(new Set([...tables, 'evaluation.json']));

  const [, ...perClass] = await rows('classes.csv');
  // a spreadsheet must not take a name for a formula
  const inCells = classes.map((name) => (/^[=@]/.test(name) ? `'${name}` : name));
  expect(perClass.map(([name]) => name)).toEqual(inCells);
  expect(perClass[0].slice(1, 6).map(Number)).toEqual([1, 1, 0.5, 1, expect.closeTo(2 / 3, 12)]);
  expect(perClass[5].slice(1)).toEqual(['2', '1', '1', '0.5', expect.any(String), "'=cmd|calc"]);

  const [heading, ...images] = await rows('images.csv');
  expect(heading.slice(0, 5)).toEqual(['image', 'path', 'truth', 'answer', 'right']);
  expect(images.map((cells) => cells.length)).toEqual(images.map(() => heading.length));
  expect(images[6].slice(2, 5)).toEqual(['\u00e9', "'=cmd|calc", 'false']);

  const [names, ...matrix] = await rows('confusion-matrix.csv');
  expect(names.slice(1)).toEqual(inCells);
  expect(matrix.map((cells) => cells.slice(1).map(Number))).toEqual(json.matrix);
  expect(json.matrix[5]).toEqual([1, 0, 0, 0, 0, 1]);

  // JSON has the names as they are
  expect(json.perClass.map(({ name }: { name: string }) => name)).toEqual(classes);
  expect(json.confusions).toContainEqual({ truth: '\u00e9', answer: '=cmd|calc', images: 1 });
  expect(json.images[6]).toMatchObject({ truth: '\u00e9', answer: '=cmd|calc', right: false });
});

test('of very many classes the pairs are written, and no matrix', async () => {
  const { paths, json } = await tablesOf(Array.from({ length: 501 }, (_, i) => `class ${i}`));
  expect(paths).not.toContain('confusion-matrix.csv');
  expect(json.matrix).toBeUndefined();
  expect(json.confusions).toHaveLength(502);
});

test('of few classes there is no top-5', async () => {
  const { json } = await tablesOf(['a', 'b']);
  expect(json.top5).toBeNull();
});
