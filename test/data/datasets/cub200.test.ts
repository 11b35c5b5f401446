import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { addFiles, temporaryFolder } from '../../support/files.ts';
import { sharedPath } from '../../support/images.ts';

const files = {
  'classes.txt': '3 003.Sooty_Albatross\n7 007.Parakeet_Auklet\n',
  'images.txt':
    '1 003.Sooty_Albatross/a.jpg\n2 003.Sooty_Albatross/b.jpg\n9 007.Parakeet_Auklet/c.jpg',
  'image_class_labels.txt': '1 3\r\n2 3\r\n9 7\r\n',
  'train_test_split.txt': '1 1\n2 0\n9 1\n\n',
  'bounding_boxes.txt': '1 60.0 27.0 325.0 304.0\n2 1 2 3 4\n9 0.0 0.0 10.5 20.0\n',
  'parts/parts.txt': '1 beak\n2 left eye\n3 right eye\n',
  'parts/part_locs.txt':
    '1 1 12.0 18.0 1\n1 2 0.0 0.0 0\n1 3 5 6 1\n2 1 0.0 0.0 0\n2 2 0 0 0\n2 3 0 0 0\n9 1 1 1 1\n',
  'hierarchy.txt': '3 Phoebetria\n7 Aethia\n',
  'attributes/attributes.txt': '1 has_bill_shape::all-purpose\n2 has wings\n',
  'attributes/class_attribute_labels_continuous.txt': '50.0 49.9\n0 100\n',
  'segmentations/003.Sooty_Albatross/a.png': '',
  'segmentations/007.Parakeet_Auklet/c.png': '',
};

test('everything the layout can hold', async () => {
  const root = await temporaryFolder(files);
  const dataset = await openDataset(root);
  expect(dataset).toMatchObject({
    format: 'cub200',
    classes: ['Sooty Albatross', 'Parakeet Auklet'],
    supervision: ['labels', 'box', 'parts', 'mask', 'hierarchy'],
    hierarchy: [{ name: 'genus', names: ['Phoebetria', 'Aethia'], ofClass: [0, 1] }],
    attributes: {
      names: ['has_bill_shape::all-purpose', 'has wings'],
      ofClass: [
        [true, false],
        [false, true],
      ],
    },
    partNames: ['beak', 'left eye', 'right eye'],
    partSwaps: [[1, 2]],
    licence: undefined,
  });
  const hidden = { x: 0, y: 0, visible: false };
  expect(dataset.examples[0]).toEqual({
    id: 'images/003.Sooty_Albatross/a.jpg',
    path: join(root, 'images/003.Sooty_Albatross/a.jpg'),
    label: 0,
    split: 'train',
    box: [60, 27, 325, 304],
    parts: [{ x: 12, y: 18, visible: true }, hidden, { x: 5, y: 6, visible: true }],
    maskPath: join(root, 'segmentations/003.Sooty_Albatross/a.png'),
    originalIndex: '1',
  });
  expect(dataset.examples.map(({ label, split }) => [label, split])).toEqual([
    [0, 'train'],
    [0, 'test'],
    [1, 'train'],
  ]);
});

test('paths with backslashes, and accents stored in another way than on the disk', async () => {
  const images = files['images.txt'].replaceAll('/', '\\').replace('c.jpg', 'cafe\u0301.jpg');
  const root = await temporaryFolder({
    ...files,
    'images.txt': images,
    'images/007.Parakeet_Auklet/caf\u00e9.jpg': '',
  });
  const { examples } = await openDataset(root);
  expect(examples.map(({ id }) => id)).toEqual([
    'images/003.Sooty_Albatross/a.jpg',
    'images/003.Sooty_Albatross/b.jpg',
    'images/007.Parakeet_Auklet/caf\u00e9.jpg',
  ]);
  expect(examples[0].maskPath).toBe(join(root, 'segmentations/003.Sooty_Albatross/a.png'));
});

test('annotations that are absent are no supervision', async () => {
  const root = await temporaryFolder(files);
  const optional = ['bounding_boxes.txt', 'parts', 'hierarchy.txt', 'segmentations', 'attributes'];
  for (const name of optional) {
    await rm(join(root, name), { recursive: true });
  }
  await addFiles(root, { 'licence.txt': 'CC0\n' });
  const dataset = await openDataset(root);
  expect(dataset.supervision).toEqual(['labels']);
  expect(dataset).toMatchObject({ partNames: undefined, hierarchy: undefined, licence: 'CC0' });
  expect(dataset.attributes).toBeUndefined();
});

test('attributes without names are numbered; names may lie in the root', async () => {
  const root = await temporaryFolder(files);
  await rm(join(root, 'attributes/attributes.txt'));
  expect((await openDataset(root)).attributes?.names).toEqual(['1', '2']);
  await addFiles(root, { 'attributes.txt': '1 bill\n2 wing\n' });
  expect((await openDataset(root)).attributes?.names).toEqual(['bill', 'wing']);
});

describe('contradictions name file and line', () => {
  const cases: [name: string, content: string, message: RegExp][] = [
    [
      'image_class_labels.txt',
      '1 3\n2 3\n9 7\n10 3',
      /labels\.txt:4: expected an id of images\.txt, got "10"/,
    ],
    [
      'image_class_labels.txt',
      '1 3\n9 7',
      /labels\.txt: expected a line for image 2 of images\.txt, got none/,
    ],
    [
      'image_class_labels.txt',
      '1 3\n2 4\n9 7',
      /labels\.txt:2: expected a class of classes\.txt, got "4"/,
    ],
    ['train_test_split.txt', '1 1\n2 0', /split\.txt: expected a line for image 9/],
    ['train_test_split.txt', '1 1\n2 yes\n9 0', /split\.txt:2: expected 1 \(train\) or 0/],
    ['images.txt', '1 a.jpg\n1 b.jpg', /images\.txt:2: expected every id once, got "1" again/],
    ['images.txt', '1', /images\.txt:1: expected an id, a space and a value/],
    ['bounding_boxes.txt', '1 1 2 x 4', /boxes\.txt:1: expected a number, got "x"/],
    ['bounding_boxes.txt', '1 1 2 0 4', /boxes\.txt:1: expected x y width height/],
    [
      'parts/part_locs.txt',
      '1 4 1 2 1',
      /part_locs\.txt:1: expected a part of parts\.txt, got "4"/,
    ],
    ['parts/part_locs.txt', '1 1 1 2', /part_locs\.txt:1: expected five values/],
    [
      'attributes/class_attribute_labels_continuous.txt',
      '1 2',
      /continuous\.txt: expected 2 lines, one for each class, got 1/,
    ],
    [
      'attributes/class_attribute_labels_continuous.txt',
      '1 2\n3',
      /continuous\.txt:2: expected 2 percentages as in line 1, got 1/,
    ],
    [
      'attributes/class_attribute_labels_continuous.txt',
      '1 101\n3 4',
      /continuous\.txt:1: expected a percentage from 0 to 100, got "101"/,
    ],
    ['attributes/attributes.txt', '1 bill', /attributes\.txt: expected 2 lines, one for each attr/],
    ['hierarchy.txt', '3 Phoebetria', /hierarchy\.txt: expected a line for class 7/],
    ['hierarchy.txt', '3 Phoebetria\n8 Aethia', /hierarchy\.txt:2: expected a class of classes/],
  ];
  test.each(cases)('%s %j', async (name, content, message) => {
    const root = await temporaryFolder({ ...files, [name]: content });
    await expect(openDataset(root)).rejects.toThrow(message);
    await expect(openDataset(root)).rejects.toMatchObject({ code: 'FM_DATASET' });
  });

  test('a missing list, and an empty one', async () => {
    const root = await temporaryFolder(files);
    await rm(join(root, 'classes.txt'));
    await expect(openDataset(root)).rejects.toThrow(/classes\.txt: expected a text file, got none/);
    const empty = { 'images.txt': '', 'image_class_labels.txt': '', 'train_test_split.txt': '' };
    const bare = await temporaryFolder({ ...empty, 'classes.txt': '1 a\n' });
    await expect(openDataset(bare)).rejects.toThrow('expected a dataset with images, got none');
  });

  test('the full dataset has known counts', async () => {
    const names = ['001.Black_footed_Albatross', ...Array.from({ length: 199 }, (_, i) => `c${i}`)];
    const classes = names.map((name, i) => `${i + 1} ${name}`).join('\n');
    const labels = '1 1\n2 1\n9 200\n';
    const root = await temporaryFolder({
      ...files,
      'classes.txt': classes,
      'image_class_labels.txt': labels,
    });
    await rm(join(root, 'hierarchy.txt'));
    await rm(join(root, 'attributes'), { recursive: true });
    await expect(openDataset(root)).rejects.toThrow('got 3 images, 2 for training');
  });
});

const first10 = sharedPath('data/CUB_200_2011-first10');
test.skipIf(!first10)('the first ten species', async () => {
  const dataset = await openDataset(first10!);
  expect(dataset.name).toBe('CUB_200_2011-first10');
  expect(dataset.classes).toHaveLength(10);
  expect(dataset.examples.filter((example) => example.split === 'train')).toHaveLength(300);
  expect(dataset.examples.filter((example) => example.split === 'test')).toHaveLength(243);
  expect(dataset.supervision).toEqual(['labels', 'box', 'parts']);
  expect(dataset.partSwaps).toEqual([
    [6, 10],
    [7, 11],
    [8, 12],
  ]);
  expect(dataset.licence).toContain('non-commercial');
  for (const { parts } of dataset.examples) {
    expect(parts!.filter((part) => part.visible).length).toBeGreaterThanOrEqual(3);
  }
});
