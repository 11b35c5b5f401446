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
