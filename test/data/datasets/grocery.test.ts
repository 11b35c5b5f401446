import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { temporaryFolder } from '../../support/files.ts';
import { sharedPath } from '../../support/images.ts';

const files = {
  'classes.csv':
    'Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int),Icon\n' +
    'Golden-Delicious,0,Apple,0,/a.jpg\nGranny-Smith,1,Apple,0,/b.jpg\nAvocado,2,Avocado,1,/c.jpg\n',
  'train.txt': 'train/Fruit/a_001.jpg, 0, 0\ntrain/Fruit/b_001.jpg, 2, 1\n',
  'val.txt': 'val/Fruit/a_001.jpg, 1, 0\n',
};

test('two levels and the splits whose lists are there', async () => {
  const root = await temporaryFolder(files);
  const dataset = await openDataset(root);
  expect(dataset).toMatchObject({
    format: 'grocery',
    classes: ['Golden Delicious', 'Granny Smith', 'Avocado'],
    supervision: ['labels', 'hierarchy'],
    hierarchy: [{ name: 'coarse', names: ['Apple', 'Avocado'], ofClass: [0, 0, 1] }],
    licence: 'Grocery Store dataset: MIT',
  });
  expect(dataset.examples).toEqual([
    {
      id: 'train/Fruit/a_001.jpg',
      path: join(root, 'train/Fruit/a_001.jpg'),
      label: 0,
      split: 'train',
    },
    {
      id: 'train/Fruit/b_001.jpg',
      path: join(root, 'train/Fruit/b_001.jpg'),
      label: 2,
      split: 'train',
    },
    { id: 'val/Fruit/a_001.jpg', path: join(root, 'val/Fruit/a_001.jpg'), label: 1, split: 'val' },
  ]);
});

const inEveryLine = (of: (text: string) => string) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, of(text)]));

test.each<[string, Record<string, string | Uint8Array>]>([
  ['semicolons', inEveryLine((text) => text.replaceAll(',', ';'))],
  ['tabs', inEveryLine((text) => text.replaceAll(/, ?/g, '\t'))],
  ['quotes', inEveryLine((text) => text.replaceAll(/^([^,]*),/gm, '"$1",'))],
  ['no header', { ...files, 'classes.csv': files['classes.csv'].replace(/^.*\n/, '') }],
  ['backslashes', { ...files, 'train.txt': files['train.txt'].replaceAll('/', '\\') }],
  ['UTF-16', { ...files, 'classes.csv': Buffer.from(`\uFEFF${files['classes.csv']}`, 'utf16le') }],
])('%s', async (_, written) => {
  const { classes, examples } = await openDataset(await temporaryFolder(written));
  expect(classes).toEqual(['Golden Delicious', 'Granny Smith', 'Avocado']);
  expect(examples.map(({ id, label }) => `${id} ${label}`)).toEqual([
    'train/Fruit/a_001.jpg 0',
    'train/Fruit/b_001.jpg 2',
    'val/Fruit/a_001.jpg 1',
  ]);
});

test.each([
  ['train/x.jpg, 7, 0', /train\.txt:1: expected a class of classes\.csv, got "7"/],
  ['train/x.jpg, 0, 1', /train\.txt:1: expected coarse class 0 for Golden-Delicious, got "1"/],
  ['train/x.jpg', /train\.txt:1: expected path, class, coarse class/],
  ['val/Fruit/a_001.jpg, 1, 0', /expected every image in one list, once/],
])('%s', async (line, message) => {
  const root = await temporaryFolder({ ...files, 'train.txt': line });
  await expect(openDataset(root)).rejects.toThrow(message);
});

const shared = sharedPath('data/grocery-store');
test.skipIf(!shared)('the real one', async () => {
  const dataset = await openDataset(shared!);
  expect(dataset.classes).toHaveLength(81);
  expect(dataset.hierarchy?.[0].names).toHaveLength(43); // the paper says 42
  const count = (split: string) => dataset.examples.filter((e) => e.split === split).length;
  expect([count('train'), count('val'), count('test')]).toEqual([2640, 296, 0]);
});
