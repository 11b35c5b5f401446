// The demo as a newcomer runs it, at length (`npm run test:full`).

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const reason = process.env.FIELDMARK_FULL === undefined ? 'FIELDMARK_FULL is not set' : undefined;
if (reason !== undefined) console.log(`test/full/demo: skipped, ${reason}`);

test.skipIf(reason !== undefined).each([0, 1])(
  'seed %i: at least 95 % of 600 unseen birds named rightly, with a report',
  async (seed) => {
    const folder = await mkdtemp(join(tmpdir(), 'fieldmark-demo-'));
    try {
      const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
      const args = ['demo', '--out', join(folder, 'demo'), '--seed', String(seed), '--json'];
      const { stdout } = await promisify(execFile)('node', ['--import', 'tsx', main, ...args], {
        env: { ...process.env, FIELDMARK_CACHE: join(folder, 'cache') },
        maxBuffer: 2 ** 24,
      });
      const { top1, report, seconds } = JSON.parse(stdout);
      console.log(`demo seed ${seed}: top-1 ${top1} in ${Math.round(seconds)} s`);
      expect(top1).toBeGreaterThanOrEqual(0.95);
      expect(existsSync(report)).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  600_000,
);
