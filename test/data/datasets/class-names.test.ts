import { expect, test } from 'vitest';
import { indicesOfNames, unifySpellings } from '../../../src/data/datasets/class-names.ts';

const [nfc, nfd] = ['P\u00e2t\u00e9', 'Pa\u0302te\u0301'];

test('one class however accents are stored, spelt as in train', () => {
  const { nameOf, notes } = unifySpellings([
    { className: nfc, split: 'test' },
    { className: nfd, split: 'train' },
  ]);
  expect([nameOf.get(nfc), nameOf.get(nfd)]).toEqual([nfd, nfd]);
  expect(notes).toHaveLength(1);
});

test('capitals count where a split has both', () => {
  const both = unifySpellings([
    { className: 'Cat', split: 'train' },
    { className: 'cat', split: 'train' },
    { className: 'cat', split: 'val' },
  ]);
  expect(both.nameOf.get('cat')).toBe('cat');
  expect(both.notes).toEqual(['classes that differ in capitals alone: Cat, cat']);
  const apart = unifySpellings([
    { className: 'cat', split: 'val' },
    { className: 'Cat', split: 'train' },
    { className: 'dog', split: 'train' },
  ]);
  expect([...apart.nameOf.values()]).toEqual(['Cat', 'dog', 'Cat'].sort());
});

test('the classes of a model by the names of a dataset', () => {
  expect(indicesOfNames(['b', nfd, 'c'], [nfc, 'b'])).toEqual([1, 0, -1]);
  expect(indicesOfNames(['dog', 'CAT'], ['Cat', 'Dog'])).toEqual([1, 0]);
  expect(indicesOfNames(['cat'], ['Cat', 'CAT'])).toEqual([-1]);
  expect(indicesOfNames(['cat', 'Cat'], ['Cat', 'dog'])).toEqual([-1, 0]);
});
