import { expect, test } from 'vitest';
import {
  isGenericName,
  isUnlabelledName,
  splitOf,
} from '../../../src/data/datasets/split-names.ts';

test.each([
  [
    'train',
    'training',
    'Train',
    'TRAINING_SET',
    'train2017',
    'trainset',
    'train_mini',
    'TrainImages',
    'trn',
    'train_val',
    'trainval',
  ],
  ['val', 'valid', 'Validation Data', 'dev', 'eval', 'valset', 'validation-images'],
  ['test', 'Testing', 'test1', 'test_set', 'tst', 'TestData', 'holdout'],
])('exact names: %s ...', (...names) => {
  const { split } = splitOf(names[0])!;
  for (const name of names) expect(splitOf(name), name).toEqual({ split, exact: true });
});

test('more than a split in a name, and names that are none', () => {
  expect(splitOf('seg_train')).toEqual({ split: 'train', exact: false });
  expect(splitOf('ILSVRC2012_img_val')).toEqual({ split: 'val', exact: false });
  expect(splitOf('asl_alphabet_test')).toEqual({ split: 'test', exact: false });
  for (const name of [
    'trains',
    'latest',
    'contest',
    'device',
    'evaluate this',
    'train_test',
    '',
    '1',
  ]) {
    expect(splitOf(name), name).toBeUndefined();
  }
});

test('names without labels, and names without meaning', () => {
  expect(['seg_pred', 'unlabelled', 'Unlabeled Images'].every(isUnlabelledName)).toBe(true);
  expect(['predator', 'cats'].some(isUnlabelledName)).toBe(false);
  expect(['images', 'JPEGImages', 'img', 'Photos', 'data set'].every(isGenericName)).toBe(true);
  expect(['cats', 'imagery', '1'].some(isGenericName)).toBe(false);
});
