// Folders as people have them (../shared/cases/data): understood, or refused with words that help.

import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/files.ts';
import { sharedPath } from '../../support/images.ts';
import { understood } from '../../support/layouts.ts';

const cases = sharedPath('cases/data');
const catsAndDogs = ['train/cats 10', 'train/dogs 10'];
const groceries = [
  'train/Avocado 10',
  'train/Golden Delicious 10',
  'val/Avocado 3',
  'val/Golden Delicious 3',
];

/** What is counted, and what the notes say; no notes at all where nothing is expected. */
const readings: readonly [name: string, counts: readonly string[], notes?: RegExp][] = [
  ['00-base', ['train/Alpha 12', 'train/Beta 12', 'train/Gamma 12']],
  [
    '01-intel-seg_train',
    ['test', 'train'].flatMap((split) =>
      ['buildings', 'forest', 'glacier'].map(
        (name) => `${split}/${name} ${split === 'test' ? 4 : 10}`,
      ),
    ),
    /splits: train \(seg_train\/seg_train\), test \(seg_test\/seg_test\)\n.*2 photographs without classes \(seg_pred/,
  ],
  [
    '04-one-level-up',
    ['test/cats 4', 'test/dogs 4', ...catsAndDogs],
    /^splits: train \(dataset\/train\), test \(dataset\/test\)$/,
  ],
  [
    '06-splits-plus-annotations',
    [...catsAndDogs, 'val/cats 4', 'val/dogs 4'],
    /^left out: 1 folder without photographs \(annotations\)$/,
  ],
  [
    '07-csv-labels',
    ['train/cat 8', 'train/dog 8'],
    /^labels from labels\.csv \('label' of each 'filename'\)$/,
  ],
  [
    '09-loose-in-root',
    catsAndDogs,
    /^left out: 6 photographs beside the class folders \(Striped_Umberchat_0001\.jpg, .* and 3 more\)$/,
  ],
  [
    '11-val-lacks-class',
    [
      'test/0 3',
      'test/270 3',
      'test/90 3',
      'train/0 10',
      'train/180 10',
      'train/270 10',
      'train/90 10',
      'val/0 3',
      'val/270 3',
      'val/90 3',
    ],
  ],
  ['12-test-extra-class', ['test/b 3', 'test/c 3', 'train/a 10', 'train/b 10']],
  ['13-numeric', ['train/1 10', 'train/10 10', 'train/2 10', 'train/20 10']],
  ['14-mac-windows-junk', catsAndDogs, /^left out: 1 folder that a system .* \(__MACOSX\)$/],
  [
    '16-nfc-nfd',
    ['train/Pâté 10', 'train/Süßkartoffel 10', 'val/Pâté 3', 'val/Süßkartoffel 3'],
    /^one class where names differ .*: Pâté, Süßkartoffel$/,
  ],
  ['17-empty-class', catsAndDogs, /^left out: 1 folder without photographs \(New folder\)$/],
  ['19-one-class', ['train/cats 10']],
  ['20-two-per-class', ['train/cats 2', 'train/dogs 2', 'train/mice 2']],
  [
    '21-case-differs',
    ['train/Cat 10', 'train/Dog 10', 'val/Cat 3', 'val/Dog 3'],
    /^one class where names differ .*: cat is Cat, dog is Dog$/,
  ],
  [
    '22-weird-names',
    ['train/100% cacao #1 10', 'train/Ben & Jerry, "Cookie" <b> 10', 'train/名前  10'],
  ],
  ['23-unlabelled-test', catsAndDogs, /^left out: 3 photographs without classes \(test\/Spot/],
  ['40-grocery-bom-crlf', groceries],
  ['41-grocery-utf16', groceries],
  ['42-grocery-backslash', groceries],
  ['43-grocery-semicolon', groceries],
  ['45-grocery-noheader', groceries],
  ['46-grocery-tab', groceries],
  [
    '49-cub-images-only',
    ['001.Spot-breasted', '002.Streaked', '003.Striped', '004.Spotted'].map(
      (name) => `train/${name}_Umberchat 16`,
    ),
    /^classes: the folders in images$/,
  ],
  [
    '66-train-images-dev',
    ['test/cats 2', 'test/dogs 2', 'train/cats 8', 'train/dogs 8', 'val/cats 2', 'val/dogs 2'],
    /^splits: train \(train\), val \(dev\), test \(test\)$/,
  ],
];

const refusals: readonly [name: string, message: RegExp][] = [
  [
    '31-heic-only-class',
    /got none in dogs, but 12 \.heic files \(dogs\/.*\)\. Convert .*JPEG.*, or remove its folder\.$/,
  ],
  ['47-grocery-nocoarse', /train\.txt:1: expected path, class, coarse class, got "train\/Fruit/],
  ['48-cub-outer', /got a folder that holds one\. Open .*\/CUB_200_2011 instead\./],
];

describe.skipIf(!cases)('folders as people have them', () => {
  test.each(readings)('%s', async (name, counts, notes) => {
    const found = await understood(join(cases!, name));
    expect(found.counts).toEqual([...counts].sort());
    if (notes === undefined) expect(found.notes).toBe('');
    else expect(found.notes).toMatch(notes);
  });

  test.each(refusals)('%s', async (name, message) => {
    const opened = understood(join(cases!, name));
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toMatchObject({ code: 'FM_DATASET' });
  });

  test('30-heic-mixed: what cannot be read is counted by kind', async () => {
    const { notes } = await understood(join(cases!, '30-heic-mixed'));
    expect(notes).toMatch(/left out: 24 \.heic files \(cats\/.* and 21 more\): convert/);
  });

  test('64-links: a link to the folder above gives no class the photographs of another', async () => {
    // version control may have made a file of the link
    const root = await temporaryFolder();
    await cp(join(cases!, '64-links'), root, { recursive: true });
    await rm(join(root, 'cats/up'), { force: true });
    await symlink('..', join(root, 'cats/up'));
    const { counts, notes } = await understood(root);
    expect(counts).toEqual(catsAndDogs);
    expect(notes).toBe('left out: 1 link to a folder that it lies in (cats/up)');
  });

  test('17-empty-class: one that is empty may be a class that was meant', async () => {
    const root = await temporaryFolder();
    await cp(join(cases!, '17-empty-class'), root, { recursive: true });
    await rm(join(root, 'New folder'), { recursive: true });
    await mkdir(join(root, 'New folder'));
    await expect(understood(root)).rejects.toThrow(/got none in New folder\. Add .*remove its/);
  });

  test('63-unreadable-lost+found: one that can be read is a folder without photographs', async () => {
    const root = await temporaryFolder();
    await cp(join(cases!, '63-unreadable-lost+found'), root, { recursive: true });
    await mkdir(join(root, 'lost+found'), { recursive: true });
    const { counts, notes } = await understood(root);
    expect(counts).toEqual(catsAndDogs);
    expect(notes).toBe('left out: 1 folder without photographs (lost+found)');
  });
});
