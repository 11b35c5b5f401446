import { expect, test } from 'vitest';
import { processors } from '../../src/runtime/processors.ts';

const v2 = '/sys/fs/cgroup/cpu.max';
const quota = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const period = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

test.each<[string, Record<string, string>, number]>([
  ['no control group', {}, 8],
  ['no limit', { [v2]: 'max 100000\n' }, 8],
  ['two processors of eight', { [v2]: '200000 100000\n' }, 2],
  ['a part counts as a whole', { [v2]: '250000 100000\n' }, 3],
  ['a tenth of one', { [v2]: '10000 100000\n' }, 1],
  ['more than there are', { [v2]: '6400000 100000\n' }, 8],
  ['the older files', { [quota]: '400000\n', [period]: '100000\n' }, 4],
  ['the older files, no limit', { [quota]: '-1\n', [period]: '100000\n' }, 8],
])('%s', (_, files, expected) => {
  expect(processors(8, (path) => files[path])).toBe(expected);
});
