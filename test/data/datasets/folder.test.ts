import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { naturalCompare } from '../../../src/data/datasets/natural-order.ts';
import { openDataset } from '../../../src/data/datasets/table.ts';
import { addFiles, temporaryFolder } from '../../support/files.ts';

/** Empty files by name: loaders do not look into images. */
function images(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '']));
}

/** `id class split` of every example. */
async function listing(root: string, options = {}): Promise<string[]> {
  const { classes, examples } = await openDataset(root, options);
  return examples.map(({ id, label, split }) => `${id} ${classes[label]} ${split}`);
}

describe('class folders', () => {
  test('without splits everything trains, in natural order', async () => {
    const root = await temporaryFolder(
      images(
        'b10/x.jpg',
        'b2/img10.PNG',
        'b2/img9.jpeg',
        'b2/notes.txt',
        'b2/.hidden.jpg',
        '.git/x.jpg',
      ),
    );
    expect(await listing(root)).toEqual([
      'b2/img9.jpeg b2 train',
      'b2/img10.PNG b2 train',
      'b10/x.jpg b10 train',
    ]);
  });

  test('split folders, by any of their names', async () => {
    const root = await temporaryFolder(
      images('Train/a/1.jpg', 'Train/b/1.jpg', 'valid/a/1.jpg', 'test/b/1.webp', 'test/c/1.bmp'),
    );
    expect(await listing(root)).toEqual(
      [
        'test/b/1.webp b test',
        'test/c/1.bmp c test',
        'Train/a/1.jpg a train',
        'Train/b/1.jpg b train',
        'valid/a/1.jpg a val',
      ].toSorted((a, b) => naturalCompare(a, b)),
    );
  });

  test('a class named like a split', async () => {
    const mixed = await temporaryFolder(images('train/1.jpg', 'bus/1.jpg'));
    expect(await listing(mixed)).toEqual(['bus/1.jpg bus train', 'train/1.jpg train train']);
    const literal = await temporaryFolder(images('train/x/1.jpg', 'test/y/1.jpg'));
    expect(await listing(literal, { splits: 'none', format: 'folder' })).toEqual([
      'test/y/1.jpg test train',
      'train/x/1.jpg train train',
    ]);
  });

  test('folders in class folders belong to the class, or are classes', async () => {
    const root = await temporaryFolder(
      images('Apple/Gala/1.jpg', 'Apple/Fuji/1.jpg', 'Pear/Bosc/1.jpg'),
    );
    expect((await openDataset(root)).classes).toEqual(['Apple', 'Pear']);
    const nested = await openDataset(root, { nested: true });
    expect(nested).toMatchObject({
      classes: ['Apple/Fuji', 'Apple/Gala', 'Pear/Bosc'],
      hierarchy: [{ name: 'parent', names: ['Apple', 'Pear'], ofClass: [0, 0, 1] }],
      supervision: ['labels', 'hierarchy'],
    });
  });

  test('links are followed, cycles are not', async () => {
    const root = await temporaryFolder(images('a/1.jpg'));
    const elsewhere = await temporaryFolder(images('2.jpg'));
    await symlink(elsewhere, join(root, 'b'));
    await symlink(root, join(root, 'a', 'loop'));
    await symlink(join(elsewhere, '2.jpg'), join(root, 'a', '3.jpg'));
    await symlink(dirname(root), join(root, 'a', 'up'));
    await symlink('/nowhere/4.jpg', join(root, 'a', '4.jpg'));
    await symlink('1.jpg', join(root, 'a', '5.jpg'));
    await addFiles(root, images('c/7.jpg'));
    await symlink('../a', join(root, 'c', 'more'));
    await symlink('../a/1.jpg', join(root, 'c', '6.jpg'));
    const { examples, notes } = await openDataset(root);
    expect(examples.map(({ id }) => id)).toEqual([
      'a/1.jpg',
      'a/3.jpg',
      'a/5.jpg',
      'b/2.jpg',
      'c/7.jpg',
    ]);
    expect(notes?.at(-1)).toMatch(
      /^left out: 4 photographs that links take from other classes \(c\/6\.jpg is a\/1\.jpg, c\/more\/1\.jpg is a\/1\.jpg, .* and 1 more\); 4 links to folders that they lie in \(a\/loop, a\/up, .*\); 2 links that lead nowhere \(a\/4\.jpg, /,
    );
    await rm(join(root, 'c/7.jpg'));
    await expect(openDataset(root)).rejects.toThrow(
      /got none in c, but 4 photographs that links take .* Add images to the class, or remove its folder\.$/,
    );
    await rm(join(root, 'c'), { recursive: true });
    const link = join(elsewhere, 'link');
    await symlink(root, link);
    expect((await openDataset(link)).examples[0].path).toBe(join(link, 'a/1.jpg'));
  });

  test('an empty class', async () => {
    const root = await temporaryFolder(images('a/1.jpg'));
    await mkdir(join(root, 'b'));
    await expect(openDataset(root)).rejects.toThrow(/in every class folder, got none in b\. Add/);
    await addFiles(root, { 'b/readme.txt': '' });
    expect(await openDataset(root)).toMatchObject({
      classes: ['a'],
      notes: ['left out: 1 folder without photographs (b)'],
    });
    const splits = await temporaryFolder(images('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg'));
    await mkdir(join(splits, 'val/b'));
    expect(await openDataset(splits)).toMatchObject({ classes: ['a', 'b'], notes: [] });
  });
});

describe('folders that are no dataset', () => {
  test('missing, a file, empty', async () => {
    const root = await temporaryFolder({ 'x.jpg': '' });
    const missing = openDataset(join(root, 'none'));
    await expect(missing).rejects.toThrow(/none: expected a dataset folder, got nothing there/);
    await expect(missing).rejects.toThrow(
      /cub200 \(images\.txt.*grocery \(.*csv \(.*folder \(one folder/,
    );
    await expect(openDataset(join(root, 'x.jpg'))).rejects.toThrow('got a file');
    await expect(openDataset(root)).rejects.toThrow('got 1 photograph without labels');
    await expect(openDataset(await temporaryFolder())).rejects.toThrow('of no known layout');
  });

  test('an unknown format', async () => {
    const root = await temporaryFolder(images('a/1.jpg'));
    await expect(openDataset(root, { format: 'voc' })).rejects.toThrow(
      'dataset format: expected cub200, grocery, csv, folder, got "voc"',
    );
    await expect(openDataset(root, { format: 'cub200' })).rejects.toThrow(/images\.txt: expected/);
  });

  test('the folder above a dataset', async () => {
    const root = await temporaryFolder({ 'CUB/images.txt': '', 'CUB/image_class_labels.txt': '' });
    await expect(openDataset(root)).rejects.toThrow(`Open ${join(root, 'CUB')} instead`);
  });
});

test('natural order is a total order that counts', () => {
  expect(['a10', 'a9', 'A', 'a', 'a09', 'é', '2', '10'].sort(naturalCompare)).toEqual([
    '2',
    '10',
    'A',
    'a',
    'a09',
    'a9',
    'a10',
    'é',
  ]);
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '0', '1', '9', '.'), maxLength: 6 });
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      expect(Math.sign(naturalCompare(a, b))).toBe(-Math.sign(naturalCompare(b, a)) + 0);
      if (naturalCompare(a, b) === 0) expect(a).toBe(b);
      if (naturalCompare(a, b) < 0 && naturalCompare(b, c) < 0) {
        expect(naturalCompare(a, c)).toBeLessThan(0);
      }
    }),
  );
});
