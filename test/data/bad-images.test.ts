import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import {
  type ImageProblem,
  leftOutInWords,
  raiseProblems,
  tellLeftOut,
} from '../../src/data/bad-images.ts';
import { temporaryFolder } from '../support/files.ts';

let cache: string;
beforeEach(async () => {
  cache = await temporaryFolder();
  process.env.FIELDMARK_CACHE = cache;
});

const problem = (i: number, more: Partial<ImageProblem> = {}): ImageProblem => ({
  id: `${i}`,
  path: `/p${i}.jpg`,
  kind: 'truncated',
  got: 'a truncated file',
  ...more,
});
const messageOf = async (problems: readonly ImageProblem[]) =>
  await raiseProblems(problems).then(
    () => 'nothing',
    (error) => error.message,
  );

test('no problem is no error', async () => {
  expect(await messageOf([])).toBe('nothing');
});

test('few are all named, with the steps that help with their kinds', async () => {
  const heic = { kind: 'unsupported', got: 'HEIC', next: 'Convert HEIC to JPEG.' } as const;
  expect(await messageOf([problem(0), problem(1, heic), problem(2, heic)])).toBe(
    'dataset: expected every image to decode, ' +
      'got 3 images that cannot be used (1 truncated, 2 unsupported):\n' +
      '  /p0.jpg: a truncated file\n  /p1.jpg: HEIC\n  /p2.jpg: HEIC. ' +
      'Convert HEIC to JPEG. Replace these files or take them out of the dataset, ' +
      'or go on without them (--skip-bad, or skipBad in a configuration).',
  );
  expect(await messageOf([problem(0, { kind: 'too-large', got: 'much' })])).toContain(
    '1 image that cannot be used (1 too large):\n  /p0.jpg: much. Scale it down',
  );
});

test('of many the first ten are named, and all are in a file', async () => {
  const message = await messageOf(Array.from({ length: 13 }, (_, i) => problem(i)));
  expect(message).toMatch(/13 images that[\s\S]*\/p9\.jpg: a truncated file\n {2}and 3 more\. R/);
  const [, path] = /all listed in (\S+)\)/.exec(message)!;
  expect(path.startsWith(join(cache, 'images'))).toBe(true);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(13);
  expect(lines[12]).toBe('/p12.jpg\ttruncated\ta truncated file');
});

test('a list that cannot be written keeps nobody from the message', async () => {
  process.env.FIELDMARK_CACHE = join(await temporaryFolder({ file: '' }), 'file');
  const message = await messageOf(Array.from({ length: 13 }, (_, i) => problem(i)));
  expect(message).toContain('(13 truncated):');
  expect(message).toContain('and 3 more');
});

test('what was left out is counted by kind', async () => {
  const told = await tellLeftOut([problem(0), problem(1, { kind: 'no-permission' })]);
  expect(told).toMatchObject({ count: 2, kinds: { truncated: 1, 'no-permission': 1 } });
  expect(leftOutInWords(told)).toBe(
    '2 images that cannot be used are left out (1 truncated, 1 no permission); ' +
      `they are listed in ${told.list}`,
  );
  expect(await tellLeftOut([])).toEqual({ count: 0, kinds: {} });
});
