// Layouts of class folders that archives and people make: taken where certain, else asked about.

import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { temporaryFolder } from '../../support/files.ts';
import { emptyFiles, understood } from '../../support/layouts.ts';

/** `cats` and `dogs` with one photograph each below a folder. */
function pets(...folders: string[]): string[] {
  return folders.flatMap((at, i) => [`${at}/cats/${i}.jpg`, `${at}/dogs/${i}.jpg`]);
}

const bothSplits = ['test/cats 1', 'test/dogs 1', 'train/cats 1', 'train/dogs 1'];
const trainOnly = ['train/cats 1', 'train/dogs 1'];
const withVal = ['train/cats 1', 'train/dogs 1', 'val/cats 1', 'val/dogs 1'];

test.each<[string, string[], string[], RegExp | undefined]>([
  [
    'splits packed twice',
    pets('training_set/training_set', 'test_set/test_set'),
    bothSplits,
    /^splits: train \(training_set\/training_set\), test/,
  ],
  [
    'other plain names',
    pets('Training Data', 'Testing Data'),
    bothSplits,
    /^splits: train \(Training Data\)/,
  ],
  [
    'train_mini and unlabelled public_test',
    [...pets('train_mini', 'val'), 'public_test/1.jpg'],
    withVal,
    /1 photograph without a class \(public_test\/1\.jpg\)/,
  ],
  ['train_val counts as train', pets('train_val', 'test'), bothSplits, /train \(train_val\)/],
  [
    'folders of images in each split',
    pets('train/images', 'test/images'),
    bothSplits,
    /train \(train\/images\)/,
  ],
  [
    'a sample of the dataset beside it',
    [...pets('train', 'valid', 'sample/train', 'sample/valid'), 'test1/9.jpg', 'models/a.pt'],
    withVal,
    /photograph without a class \(test1\/9\.jpg\); 1 folder that is neither split nor class \(sample with 4 photographs\); 1 folder without photographs \(models\)/,
  ],
  [
    'splits three folders down',
    [...pets('Kit/Data/CLS-LOC/train'), 'Kit/Data/CLS-LOC/val/1.jpg', 'Kit/Annotations/a.xml'],
    trainOnly,
    /^splits: train \(Kit\/Data\/CLS-LOC\/train\)/,
  ],
  [
    'an archive unpacked twice',
    pets('xray/train', 'xray/test', 'xray/xray/train', 'xray/xray/test'),
    bothSplits,
    /neither split nor class \(xray\/xray with 4 photographs\)/,
  ],
  [
    'named after the dataset, the test without classes',
    [...pets('asl_train/asl_train'), 'asl_test/asl_test/A.jpg'],
    trainOnly,
    /without a class \(asl_test/,
  ],
  [
    'splits within the classes',
    ['cats/train/1.jpg', 'cats/test/2.jpg', 'dogs/train/1.jpg', 'dogs/test/2.jpg'],
    bothSplits,
    /^splits: the folders in each class, such as cats\/test$/,
  ],
  [
    'test images in a folder of images',
    [...pets('train'), 'test/images/1.jpg'],
    trainOnly,
    /without a class \(test\/images\/1\.jpg\)/,
  ],
  [
    'masks beside the images',
    pets('images', 'masks'),
    trainOnly,
    /^classes: the folders in images\nleft out: 2 photographs beside the class folders \(masks\//,
  ],
  [
    'kinds of trains',
    ['steam_train/1.jpg', 'diesel train/1.jpg'],
    ['train/diesel train 1', 'train/steam_train 1'],
    undefined,
  ],
  [
    'nested folders belong to their class',
    ['Fruit/Apple/1.jpg', 'Fruit/Pear/1.jpg', 'Veg/Leek/1.jpg'],
    ['train/Fruit 2', 'train/Veg 1'],
    /^folders in Fruit, Veg belong to these classes \(Fruit: Apple, Pear\)$/,
  ],
  [
    'thumbnails of a network drive',
    ['cats/1.jpg', 'dogs/1.jpg', 'cats/@eaDir/1.jpg/THUMB_XL.jpg'],
    trainOnly,
    /^left out: 1 folder that a system or a drive keeps \(cats\/@eaDir\)$/,
  ],
  [
    'files of other kinds',
    ['cats/1.jpg', 'cats/1.xml', 'dogs/1.JFIF', 'dogs/2.CR2', 'dogs/IMG_1'],
    trainOnly,
    /^left out: 1 \.cr2 file \(dogs\/2\.CR2\): .*; 2 files of other kinds \(cats\/1\.xml, dogs\/IMG_1\)$/,
  ],
  [
    'two classes that differ in capitals',
    ['Cat/1.jpg', 'cat/2.jpg'],
    ['train/Cat 1', 'train/cat 1'],
    /^classes that differ in capitals alone: Cat, cat$/,
  ],
  ['a table beside class folders', ['cats/1.jpg', 'dogs/2.jpg', 'sizes.csv'], trainOnly, undefined],
])('%s', async (_, files, counts, notes) => {
  const found = await understood(await temporaryFolder(emptyFiles(...files)));
  expect(found.counts).toEqual(counts);
  if (notes === undefined) expect(found.notes).toBe('');
  else expect(found.notes).toMatch(notes);
});

test.each<[string, string[], RegExp]>([
  [
    'same folders in all',
    pets('phase1', 'phase2'),
    /got phase1, phase2, with the same folders in them \(cats, dogs\)\. If these are splits, name them train, val or test; .*--splits none/,
  ],
  [
    'by year, one of them with less',
    [...pets('2019', '2020'), '2021/cats/3.jpg'],
    /got 2019, 2020, 2021, with the same folders/,
  ],
  [
    'the dataset in two versions',
    pets('colour', 'grey'),
    /got colour, grey, with the same .* give that \(colour\)/,
  ],
  [
    'an extra that could be a split',
    pets('train', 'test', 'extra'),
    /expected train, val or test beside test, train, got extra, with the same folders in it \(cats, dogs\)\. Name extra after/,
  ],
  [
    'two folders for one split',
    pets('train', 'train_mini', 'val'),
    /expected one folder for the split 'train', got train, train_mini\. Keep one/,
  ],
  [
    'photographs right in the splits',
    ['train/cat.0.jpg', 'train/dog.0.jpg', 'test1/1.jpg'],
    /expected a folder for each class in test1, train, got photographs without classes \(test1\/1\.jpg\)\. .*labels\.csv/,
  ],
  [
    'packed twice, without classes',
    ['train/train/cat.0.jpg', 'test1/test1/1.jpg'],
    /without classes \(test1\/test1\/1\.jpg\)/,
  ],
  [
    'boxes for a detector',
    ['images/train/1.jpg', 'images/val/2.jpg', 'labels/train/1.txt'],
    /expected a folder for each class in train, val/,
  ],
  [
    'boxes for a detector, by split',
    ['train/images/1.jpg', 'train/labels/1.txt', 'valid/images/2.jpg'],
    /without classes \(train\/images\/1\.jpg\)/,
  ],
  [
    'train among other classes',
    ['train/steam/1.jpg', 'train/diesel/2.jpg', 'bus/1.jpg', 'car/1.jpg'],
    /got train with folders in it \(diesel, steam\), beside bus, car\. If train is a split, take bus, car out .*--splits none/,
  ],
  [
    'train with loose photographs, val with classes',
    ['train/1.jpg', ...pets('val')],
    /without classes \(train\/1\.jpg\)/,
  ],
  [
    'sorted by day',
    ['2024-05-01/robin_1.jpg', '2024-05-02/robin_2.jpg', '2024-05-02/wren_1.jpg'],
    /expected folders named after what the photographs show, got days or cameras \(2024-05-01, 2024-05-02\)\. .*labels\.csv .*--splits none/,
  ],
  [
    'a memory card',
    ['DCIM/100CANON/IMG_1.JPG', 'DCIM/101CANON/IMG_2.JPG'],
    /got days or cameras \(100CANON, 101CANON\)/,
  ],
  [
    'photographs alone',
    ['1.jpg', '2.jpg'],
    /got 2 photographs without labels\. Known layouts: cub200/,
  ],
])('asks: %s', async (_, files, message) => {
  const opened = openDataset(await temporaryFolder(emptyFiles(...files)));
  await expect(opened).rejects.toThrow(message);
  await expect(opened).rejects.toMatchObject({ code: 'FM_DATASET' });
});

describe('answers', () => {
  test('splits none: the folders in the root are the classes', async () => {
    const root = await temporaryFolder(emptyFiles(...pets('phase1', 'phase2')));
    const { counts } = await understood(root, { splits: 'none' });
    expect(counts).toEqual(['train/phase1 2', 'train/phase2 2']);
  });

  test('folders by day: classes where that is said, and a table beside them counts', async () => {
    const days = emptyFiles('2024-05-01/1.jpg', '2024-05-02/2.jpg');
    const root = await temporaryFolder(days);
    const { counts } = await understood(root, { splits: 'none' });
    expect(counts).toEqual(['train/2024-05-01 1', 'train/2024-05-02 1']);
    const known = new Set(['2024-05-01', '2024-05-02']);
    expect((await understood(root, { known })).counts).toHaveLength(2);
    const listed = { ...days, 'labels.csv': 'filename,label\n1.jpg,wren\n2.jpg,robin\n' };
    expect((await understood(await temporaryFolder(listed))).format).toBe('csv');
  });

  test('one class: a single folder is the class', async () => {
    const root = await temporaryFolder(emptyFiles('owls/day1/1.jpg', 'owls/day2/2.jpg'));
    expect((await understood(root)).counts).toEqual(['train/day1 1', 'train/day2 1']);
    expect((await understood(root, { oneClass: true })).counts).toEqual(['train/owls 2']);
  });

  test('classes that a model knows need no guess', async () => {
    const root = await temporaryFolder(
      emptyFiles('cats/in/1.jpg', 'cats/out/2.jpg', 'dogs/in/1.jpg', 'dogs/out/3.jpg'),
    );
    const known = new Set(['cats', 'dogs', 'mice']);
    await expect(understood(root)).rejects.toThrow('with the same folders');
    expect((await understood(root, { known })).counts).toEqual(['train/cats 2', 'train/dogs 2']);
    const stranger = understood(root, { known: new Set(['mice']) });
    await expect(stranger).rejects.toThrow(/name them like those of the model\.$/);
  });

  test('a wrapper named like a class is a wrapper', async () => {
    const root = await temporaryFolder(emptyFiles('cats/cats/1.jpg', 'cats/dogs/1.jpg'));
    const known = new Set(['cats', 'dogs']);
    expect((await understood(root, { known })).counts).toEqual(trainOnly);
  });
});
