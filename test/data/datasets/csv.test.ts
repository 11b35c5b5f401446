// Labels in tables, as people and spreadsheets write them.

import { describe, expect, test } from 'vitest';
import { parseCells } from '../../../src/data/datasets/cells.ts';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { temporaryFolder } from '../../support/files.ts';
import { emptyFiles, understood } from '../../support/layouts.ts';

const images = emptyFiles('img/1.jpg', 'img/2.jpg', 'img/3.jpg');
const aAndB = ['train/a 2', 'train/b 1'];

/** Text as 'Unicode text' of a spreadsheet. */
function utf16(text: string): Uint8Array {
  return Buffer.from(`\uFEFF${text}`, 'utf16le');
}

type Files = Record<string, string | Uint8Array>;

test.each<[string, Files, string[], RegExp]>([
  [
    'other names of columns',
    { 'list.csv': 'Image Path,Species\nimg/1.jpg,a\nimg/2.jpg,b\nimg/3.jpg,a\n' },
    aAndB,
    /^labels from list\.csv \('Species' of each 'Image Path'\)$/,
  ],
  [
    'ids without extension',
    { 'labels.csv': 'id,breed\n1,a\n2,b\n3,a\n' },
    aAndB,
    /'breed' of each 'id'/,
  ],
  [
    'no header',
    { 'labels.csv': '1.jpg,a\n2.jpg,b\n3.jpg,a\n' },
    aAndB,
    /labels\.csv, which has no header/,
  ],
  [
    'semicolons, quotes, a comma',
    { 'labels.csv': 'file;class\n1.jpg;"a"\n"2.jpg";b\n3.jpg;a\n' },
    aAndB,
    /'class' of each 'file'/,
  ],
  [
    'tabs',
    { 'labels.tsv': 'file\tlabel\n1.jpg\ta\n2.jpg\tb\n3.jpg\ta' },
    aAndB,
    /'label' of each 'file'/,
  ],
  [
    'UTF-16, CRLF',
    { 'labels.csv': utf16('file\tlabel\r\n1.jpg\ta\r\n2.jpg\tb\r\n3.jpg\ta\r\n') },
    aAndB,
    /'label' of each 'file'/,
  ],
  [
    'UTF-8 with a mark, line ends of old Macs',
    { 'labels.csv': '\uFEFFfile,label\r1.jpg,a\r2.jpg,b\r3.jpg,a\r' },
    aAndB,
    /'label' of each 'file'/,
  ],
  [
    'paths of another machine',
    {
      'labels.csv':
        'file,label\nC:\\me\\img\\1.jpg,a\nC:\\me\\img\\2.jpg,b\nC:\\me\\img\\3.jpg,a\n',
    },
    aAndB,
    /'label' of each 'file'/,
  ],
  [
    'other capitals',
    { 'labels.csv': 'file,label\nIMG/1.JPG,a\nimg/2.Jpg,b\n3.jpg,a\n' },
    aAndB,
    /'label' of each 'file'/,
  ],
  [
    'a column of splits',
    {
      'birds.csv':
        'class id,filepaths,labels,data set\n0,img/1.jpg,"A, b",train\n1,img/2.jpg,B,train\n0,img/3.jpg,"A, b",valid\n',
    },
    ['train/A, b 1', 'train/B 1', 'val/A, b 1'],
    /'labels' of each 'filepaths', splits by 'data set'/,
  ],
  [
    'a spreadsheet in German',
    {
      'Beschriftung.csv':
        '\uFEFFDateiname;Vogelart;Aufteilung;Bemerkung\r\n1.jpg;a;Training;x\r\n2.jpg;b;Training;y\r\n3.jpg;a;Validierung;z\r\n',
    },
    ['train/a 1', 'train/b 1', 'val/a 1'],
    /'Vogelart' of each 'Dateiname', splits by 'Aufteilung'/,
  ],
  [
    'one in Spanish, with accents',
    {
      'aves.csv':
        'Imagen,Categoría,Partición\n1.jpg,a,Entrenamiento\n2.jpg,b,Entrenamiento\n3.jpg,a,Validación\n',
    },
    ['train/a 1', 'train/b 1', 'val/a 1'],
    /'Categoría' of each 'Imagen', splits by 'Partición'/,
  ],
  [
    'a list for each split',
    { 'train.csv': 'file,label\n1.jpg,a\n2.jpg,b\n', 'val.csv': 'file,label\n3.jpg,a\n' },
    ['train/a 1', 'train/b 1', 'val/a 1'],
    /train\.csv \(.*; val\.csv \(/,
  ],
  [
    'a list without labels, a sample of results',
    {
      'train.csv': 'file,label\n1.jpg,a\n2.jpg,b\n',
      'test.csv': 'file\n3.jpg\n',
      'sample_submission.csv': 'file,label\n3.jpg,a\n',
    },
    ['train/a 1', 'train/b 1'],
    /left out: 1 photograph that no list names \(img\/3\.jpg\); 1 table .* \(test\.csv has no columns/,
  ],
  [
    'a column for each class',
    { '_classes.csv': 'filename, cat, dog\n1.jpg, 1, 0\n2.jpg, 0, 1\n3.jpg,1,0\n' },
    ['train/cat 2', 'train/dog 1'],
    /_classes\.csv \('the column with a 1' of each 'filename'\)/,
  ],
  [
    'a line twice',
    { 'labels.csv': 'file,label\n1.jpg,a\n2.jpg,b\n3.jpg,a\n1.jpg,a\n' },
    aAndB,
    /1 line that says again what another said \(labels\.csv:5\)/,
  ],
])('%s', async (_, files, counts, notes) => {
  const found = await understood(await temporaryFolder({ ...images, ...files }));
  expect(found).toMatchObject({ format: 'csv', counts });
  expect(found.notes).toMatch(notes);
});

test('splits by the folders of the images, photographs beside the list', async () => {
  const root = await temporaryFolder({
    ...emptyFiles('train/1.jpg', 'train/2.jpg', 'val/1.jpg'),
    'labels.csv': 'path,label\ntrain/1.jpg,a\ntrain/2.jpg,b\nval/1.jpg,a\n',
  });
  expect((await understood(root)).counts).toEqual(['train/a 1', 'train/b 1', 'val/a 1']);
  const flat = await temporaryFolder({
    ...emptyFiles('1.jpg', '2.jpg'),
    'labels.csv': 'path,label\n1.jpg,a\n2.jpg,b\n',
  });
  expect((await understood(flat)).counts).toEqual(['train/a 1', 'train/b 1']);
});

test('a table in the folder of each split', async () => {
  const root = await temporaryFolder({
    ...emptyFiles('train/1.jpg', 'train/2.jpg', 'valid/1.jpg'),
    'train/metadata.csv': 'file_name,label\n1.jpg,a\n2.jpg,b\n',
    'valid/metadata.csv': 'file_name,label\n1.jpg,b\n',
  });
  expect((await understood(root)).counts).toEqual(['train/a 1', 'train/b 1', 'val/b 1']);
});

test('names with accents stored another way', async () => {
  const root = await temporaryFolder({
    ...emptyFiles('img/Pa\u0302te\u0301.jpg', 'img/2.jpg'),
    'labels.csv': 'file,label\nP\u00e2t\u00e9.jpg,a\n2.jpg,b\n',
  });
  expect((await understood(root)).counts).toEqual(['train/a 1', 'train/b 1']);
});

test.each<[string, Files, RegExp]>([
  [
    'an image that is not there',
    { 'labels.csv': 'file,label\n1.jpg,a\n7.jpg,b\n8.jpg,b\n' },
    /labels\.csv:3: expected the name of an image that is there, got "7\.jpg" \(and 1 more of 3 lines\)\. Put/,
  ],
  [
    'two labels',
    { 'labels.csv': 'file,label\n1.jpg,a\n2.jpg,b\n1.jpg,b\n' },
    /labels\.csv:4: expected one label .*, got "b" for img\/1\.jpg, which is "a" in labels\.csv:2\./,
  ],
  [
    'two classes with a 1',
    { 'labels.csv': 'image,cat,dog\n1.jpg,1,0\n2.jpg,1,1\n' },
    /labels\.csv:3: expected one class with a 1, got cat, dog\. Images of several/,
  ],
  [
    'no label',
    { 'labels.csv': 'file,label\n1.jpg,a\n2.jpg,\n' },
    /labels\.csv:3: expected a label, got none/,
  ],
  [
    'an unknown split',
    { 'labels.csv': 'file,label,split\n1.jpg,a,train\n2.jpg,b,3\n' },
    /labels\.csv:3: expected train, val or test, got "3"/,
  ],
  [
    'two columns of labels',
    { 'labels.csv': 'file,species,category\n1.jpg,a,x\n2.jpg,b,x\n' },
    /labels\.csv:1: expected one column of labels, got 2 that differ: species, category/,
  ],
  [
    'a name of two images',
    { 'img2/1.jpg': '', 'labels.csv': 'file,label\n1.jpg,a\n2.jpg,b\n' },
    /labels\.csv:2: expected the name of one image, got "1\.jpg", which img\/1\.jpg, img2\/1\.jpg could be/,
  ],
  [
    'two lists',
    { 'a.csv': 'file,label\n1.jpg,a\n', 'b.csv': 'file,label\n2.jpg,b\n' },
    /expected one list of images, or one for each split, got a\.csv, b\.csv/,
  ],
  [
    'an open quote',
    { 'labels.csv': 'file,label\n1.jpg,"a\n2.jpg,b\n' },
    /labels\.csv:2: expected a closing quote/,
  ],
  [
    'another encoding',
    { 'labels.csv': Buffer.from('file,label\n1.jpg,a\n2.jpg,P\u00e2t\u00e9\n', 'latin1') },
    /labels\.csv:3: expected text in UTF-8, .*'CSV UTF-8'/,
  ],
])('%s', async (_, files, message) => {
  const opened = openDataset(await temporaryFolder({ ...images, ...files }));
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toMatchObject({ code: 'FM_DATASET' });
});

describe('tables that are not read', () => {
  test('class folders count more, and it is said', async () => {
    const root = await temporaryFolder({
      ...emptyFiles('cats/1.jpg', 'dogs/2.jpg'),
      'labels.csv': 'file,label\ncats/1.jpg,x\ndogs/2.jpg,y\n',
    });
    const found = await understood(root);
    expect(found).toMatchObject({ format: 'folder', counts: ['train/cats 1', 'train/dogs 1'] });
    expect(found.notes).toMatch(/^labels\.csv: not read, the folders are .*--format csv/);
    expect((await understood(root, { format: 'csv' })).counts).toEqual(['train/x 1', 'train/y 1']);
  });

  test('where it says other things than the folders, it is asked', async () => {
    const root = await temporaryFolder({
      ...emptyFiles('red/1.jpg', 'red/2.jpg', 'blue/3.jpg'),
      'labels.csv': 'file,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n',
    });
    await expect(openDataset(root)).rejects.toThrow(
      /got both, and labels\.csv says others\. Pass --format folder .*, --format csv/,
    );
    const byFolder = await understood(root, { format: 'folder' });
    expect(byFolder.counts).toEqual(['train/blue 1', 'train/red 2']);
    const byTable = await understood(root, { format: 'csv' });
    expect(byTable.counts).toEqual(['train/cat 2', 'train/dog 1']);
  });

  test('folders that are parts of an archive are no classes', async () => {
    const root = await temporaryFolder({
      ...emptyFiles('images_part_1/a1.jpg', 'images_part_1/a2.jpg', 'images_part_2/a3.jpg'),
      'metadata.csv': 'image_id,label\na1,mel\na2,nv\na3,nv\n',
    });
    expect((await understood(root)).counts).toEqual(['train/mel 1', 'train/nv 2']);
  });

  test('without columns of images and labels it is said why', async () => {
    const root = await temporaryFolder({ ...images, 'labels.csv': 'foo,bar\nx,a\n' });
    expect((await understood(root)).notes).toBe(
      'labels.csv has no columns of images and labels, such as filename and label, but foo, bar',
    );
    await expect(openDataset(root, { format: 'csv' })).rejects.toThrow(
      /got labels\.csv, which has no columns .* foo, bar\. Write one with the columns filename and label/,
    );
  });

  test('a folder above', async () => {
    const root = await temporaryFolder({
      ...emptyFiles('set/img/1.jpg', 'set/img/2.jpg'),
      'set/labels.csv': 'file,label\n1.jpg,a\n2.jpg,b\n',
    });
    await expect(openDataset(root)).rejects.toThrow(/Open .*\/set instead/);
  });
});

test('cells: quotes, separators and line ends within quotes', () => {
  const cells = (text: string) => parseCells(text, 'x').map((row) => row.cells);
  expect(cells('a;b,c;d\n"x;y";" z ";"say ""hi"""\n\n;;\n')).toEqual([
    ['a', 'b,c', 'd'],
    ['x;y', 'z', 'say "hi"'],
  ]);
  const rows = parseCells('a,b\n"1\n2",c\nd,e', 'x');
  expect(rows.map(({ where }) => where)).toEqual(['x:1', 'x:2', 'x:4']);
  expect(rows[1].cells).toEqual(['1\n2', 'c']);
});

test('headings that say nothing are asked about, with the column whose cells are images', async () => {
  const table = 'Nr;Was;Wo\n1.jpg;a;x\n2.jpg;b;y\n3.jpg;a;x\n';
  const open = async (files: Files, options = {}) =>
    await openDataset(await temporaryFolder({ ...images, ...files }), options);
  const message =
    /liste\.csv:1: expected headings .*, got "Nr", whose cells are images, beside Was, Wo\. Call the column of images 'filename' and that of their labels 'label'\.$/;
  await expect(open({ 'liste.csv': table })).rejects.toThrow(message);
  await expect(open({ 'liste.csv': table }, { format: 'csv' })).rejects.toThrow(message);
  const inClasses = await open({ ...emptyFiles('owl/4.jpg'), 'liste.csv': table });
  expect(inClasses, 'class folders need no table').toMatchObject({ format: 'folder' });
});
