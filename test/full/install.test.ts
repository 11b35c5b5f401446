// The packed package in a fresh folder, as a stranger installs it: without scripts, and from npm's own
// cache, so that no network is asked (`npm run test:full`).

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder that holds nothing but an installation, or why there is none. */
async function install(place: string): Promise<string | undefined> {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  if (!existsSync(join(root, 'dist/index.js'))) return "there is no dist: run 'npm run build'";
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', place];
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }));
  await writeFile(join(place, 'package.json'), '{ "private": true, "type": "module" }');
  const args = ['install', '--ignore-scripts', '--offline', '--no-audit', join(place, filename)];
  const { status, stderr } = spawnSync('npm', args, { cwd: place, encoding: 'utf8' });
  if (status === 0) return undefined;
  if (/ENOTCACHED/.test(stderr)) return "npm's cache does not hold all packages";
  throw new Error(stderr);
}

const place = await mkdtemp(join(tmpdir(), 'fieldmark-install-'));
const reason = await install(place);
if (reason !== undefined) console.log(`test/full/install: skipped, ${reason}`);
afterAll(() => rm(place, { recursive: true, force: true }));

describe.skipIf(reason !== undefined)('an installation without scripts', () => {
  const node = (...args: string[]) => {
    const env = {
      ...process.env,
      FIELDMARK_FLAGS: undefined,
      FIELDMARK_CACHE: join(place, 'cache'),
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: place,
      env,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const fieldmark = (...args: string[]) => node('node_modules/fieldmark/dist/cli/main.js', ...args);

  beforeAll(() => {
    const drawn = fieldmark(
      'aviary',
      'birds',
      '--classes',
      '3',
      '--train',
      '6',
      '--test',
      '2',
      '--size',
      '48',
    );
    expect(drawn).toMatchObject({ status: 0 });
  });

  test('trains and predicts at the command line, and has the pages that errors name', () => {
    const settings = [
      '--weights',
      'none',
      '--backbone',
      'resnet_tiny',
      '--size',
      '32',
      '--epochs',
      '1',
    ];
    const trained = fieldmark('train', '--data', 'birds', '--out', 'run', '--offline', ...settings);
    expect(trained, trained.stderr).toMatchObject({ status: 0 });
    expect(fieldmark('--version').stdout).toMatch(/^\d/);
    for (const page of ['errors', 'weights', 'datasets', 'configuration', 'library']) {
      expect(existsSync(join(place, `node_modules/fieldmark/docs/${page}.md`)), page).toBe(true);
    }
  });

  test('recognises in a program, in its own thread and in a worker, and ends by itself', async () => {
    await writeFile(
      join(place, 'program.js'),
      `import { loadRecogniser, openDataset } from 'fieldmark';
      const { examples } = await openDataset('birds');
      const answers = [];
      for (const worker of [false, true]) {
        const recogniser = await loadRecogniser('run', { worker });
        answers.push(JSON.stringify((await recogniser.predict(examples[0].path)).answers));
      }
      console.log(answers[0] === answers[1], JSON.parse(answers[0]).length);`,
    );
    expect(node('program.js')).toEqual({ status: 0, stdout: 'true 3\n', stderr: '' });
  });
});
