import { expect, test } from 'vitest';
import {
  isGenericName,
  isOccasion,
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

test('days and cameras, and classes that have numbers in their names', () => {
  for (const name of [
    ...['2024-05-01', '2024_05', '20240501', '2024-05-01 (2)', '2024-05-01_12-30', '1.5.2024'],
    ...['100CANON', '101APPLE', '100MSDCF', '102_PANA'],
  ]) {
    expect(isOccasion(name), name).toBe(true);
  }
  for (const name of [
    ...['1998', '201205', '20241301', '2024-05-01 robin', '12', '2019 Audi A4', '5.2024'],
    ...['001.Wren', '10000000', '100_0001', '100Wrens', 'robin'],
  ]) {
    expect(isOccasion(name), name).toBe(false);
  }
});
