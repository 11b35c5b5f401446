import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Example, Split } from '../../src/core/example.ts';
import { copiesInSplit, copyNotes } from '../../src/data/copies.ts';
import { temporaryFolder } from '../support/files.ts';

const classes = ['cats', 'dogs'];

function example(id: string, root = ''): Example {
  const [split, name] = id.split('/');
  return { id, path: join(root, id), label: classes.indexOf(name), split: split as Split };
}

test('a class of which every photograph has another label too is doubted', () => {
  const three = ['cats', 'dogs', 'recent'];
  const examples = ['cats/1', 'cats/2', 'dogs/3', 'recent/1', 'recent/3'].map(
    (id): Pick<Example, 'id' | 'path' | 'label' | 'split'> => ({
      id,
      path: id,
      label: three.indexOf(id.split('/')[0]),
      split: 'train',
    }),
  );
  const hashes = new Map(examples.map(({ id }) => [id, id.split('/')[1]]));
  const told = (of: typeof examples) => copyNotes({ examples: of, classes: three }, hashes);
  expect(told(examples)).toEqual([
    '2 photographs under two labels, of which one must be wrong: ' +
      'cats/1 (cats) is recent/1 (recent), dogs/3 (dogs) is recent/3 (recent)',
    'every photograph of dogs, recent is in another class too: take out what is no class of its ' +
      'own, such as a collection of all',
  ]);
  // of what nobody has read nothing is said
  hashes.delete('dogs/3');
  expect(told(examples).join()).not.toContain('every photograph of dogs');
  hashes.set('dogs/3', '3');
  const apart = examples.filter(({ id }) => !id.endsWith('/3'));
  expect(told(apart).at(-1)).toMatch(/^every photograph of recent is in another class too: /);
});

test('the same bytes under two labels, and in two splits', () => {
  const ids = [
    'train/cats/1',
    'train/dogs/1',
    'train/cats/2',
    'val/cats/2',
    'val/cats/3',
    'test/dogs/4',
  ];
  const examples = ids.map((id) => example(id));
  const hashes = new Map(['a', 'a', 'b', 'b', 'c'].map((hash, i) => [ids[i], hash]));
  expect(copyNotes({ examples, classes }, hashes)).toEqual([
    '1 photograph under two labels, of which one must be wrong: ' +
      'train/cats/1 (cats) is train/dogs/1 (dogs)',
    "1 validation image is a copy of training images, so that accuracy on 'val' says too much: " +
      'val/cats/2 is train/cats/2',
  ]);
  expect(copyNotes({ examples, classes }, new Map())).toEqual([]);
});

test('copies in a split are found by size and bytes', async () => {
  const files = {
    'train/cats/1': 'one',
    'train/cats/2': 'two',
    'test/cats/1': 'one',
    'test/dogs/2': 'six',
    'test/dogs/3': 'three',
    'val/cats/2': 'two',
  };
  const root = await temporaryFolder(files);
  const examples = [...Object.keys(files), 'test/cats/gone'].map((id) => example(id, root));
  expect(await copiesInSplit({ examples, classes }, 'test')).toEqual([
    "1 test image is a copy of training images, so that accuracy on 'test' says too much: " +
      'test/cats/1 is train/cats/1',
  ]);
});
