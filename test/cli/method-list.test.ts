import { expect, test } from 'vitest';
import { readMethods, splitOutside } from '../../src/cli/method-list.ts';

test('commas part methods, colons part settings, except within a value', () => {
  expect(splitOutside('a,b:c=[1,2]:d={"e":"f,:g"},h', ',')).toEqual([
    'a',
    'b:c=[1,2]:d={"e":"f,:g"}',
    'h',
  ]);
  expect(splitOutside('b:c=[1,2]:d={"e":"f,:g"}', ':')).toEqual(['b', 'c=[1,2]', 'd={"e":"f,:g"}']);
});

test('settings are those of --set', async () => {
  const [plain, own] = await readMethods(
    'finetune, finetune:stages.all.augment.scale=[0.5,1]:options.head=fresh',
  );
  expect(plain).toEqual({ label: 'finetune', method: 'finetune', own: {}, baseline: false });
  expect(JSON.parse(JSON.stringify(own.own))).toEqual({
    stage: { all: { augment: { scale: [0.5, 1] } } },
    options: { head: 'fresh' },
  });
  expect(own.label).toBe('finetune:stages.all.augment.scale=[0.5,1]:options.head=fresh');
});

test.each([
  ['finetune,', /got ''/],
  ['finetune:rate', /got 'finetune:rate'/],
  ['finetun', /method 'finetun'/],
])('%j is refused', async (text, message) => {
  await expect(readMethods(text)).rejects.toMatchObject({
    code: 'FM_USAGE',
    message: expect.stringMatching(message),
  });
});
