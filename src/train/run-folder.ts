// A run on disk: who may write to it, its configuration, its metrics.

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import { diskError, writeAtomic } from '../formats/atomic-file.ts';
import { processExists, takeLock } from '../formats/lock-file.ts';
import { trunkPath } from '../hub/trunk-options.ts';
import { parseConfig, type RunConfig } from './config.ts';
import { damaged } from './damaged.ts';
import { type Recipe, writeRecipe } from './recipe.ts';

/** What to do with a folder that holds a run already. */
export type OpenMode = 'new' | 'resume' | 'overwrite';

export interface RunPaths {
  readonly folder: string;
  readonly config: string;
  readonly recipe: string;
  readonly metrics: string;
  readonly checkpoint: string;
  readonly model: string;
  readonly report: string;
}

export function runPaths(folder: string): RunPaths {
  return {
    folder,
    config: join(folder, 'config.json'),
    recipe: join(folder, 'recipe.json'),
    metrics: join(folder, 'metrics.jsonl'),
    checkpoint: join(folder, 'checkpoint', 'state.safetensors'),
    model: join(folder, 'model'),
    report: join(folder, 'report.html'),
  };
}

/** Seconds to wait for the last step of a trainer whose parent was killed. */
const PATIENCE = 60;

/** Holds the run folder for this process. Returns the function that lets go of it. */
export async function lockRun(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw diskError(folder, cause);
  });
  const deadline = Date.now() + PATIENCE * 1000;
  return await takeLock(join(folder, 'lock'), ({ pid, parent }) => {
    // without the process that started it, the holder is about to leave too
    if (!processExists(parent) && Date.now() < deadline) return;
    throw fail('FM_RUN', folder, {
      expected: 'a run that nobody is working on',
      got: `one in use by process ${pid}`,
      next: 'Wait for it to end or choose another --out.',
    });
  });
}

/** Begins a run with what it is to do; nothing where it goes on. */
export type BeginRun = (recipe: Recipe) => Promise<void>;

/**
 * Checks that a run folder may be opened in this mode, or explains why not. Writes nothing: call
 * the returned function once everything else has been checked too.
 */
export async function openRun(
  folder: string,
  config: RunConfig,
  mode: OpenMode,
): Promise<BeginRun> {
  const paths = runPaths(folder);
  const existing = await readIfThere(paths.config);
  if (existing !== undefined && mode === 'new') {
    throw fail('FM_RUN', folder, {
      expected: 'a folder without a run',
      got: 'a run',
      next: 'Pass --resume to continue it, --overwrite to replace it, or another --out.',
    });
  }
  if (existing === undefined && mode === 'resume') {
    throw fail('FM_RUN', folder, {
      expected: 'a run to resume',
      got: 'none',
      next: 'Leave out --resume to start it.',
    });
  }
  if (existing !== undefined && mode === 'resume') {
    mustMatch(paths.config, readConfig(paths.config, existing), config);
    return async () => {};
  }
  return async (recipe) => {
    const { folder: _, ...all } = paths;
    // the configuration goes first and comes last: it is what makes a folder a run
    for (const path of Object.values(all)) await rm(path, { recursive: true, force: true });
    await writeRecipe(paths.recipe, recipe);
    await writeAtomic(paths.config, `${JSON.stringify(config, null, 2)}\n`);
  };
}

/** Deletes what writers that were killed left half done. To be called by the holder of the lock. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const place of [folder, join(folder, 'checkpoint'), join(folder, 'model')]) {
    const names = await readdir(place).catch(() => []);
    const leftovers = names.filter((name) => /\.\d+\.tmp$/.test(name));
    for (const name of leftovers) await rm(join(place, name), { force: true });
  }
}

/** Settings that do not change the result may differ between the phases of a run. */
const FREE: readonly (keyof RunConfig)[] = [
  'workers',
  'checkpointEvery',
  'offline',
  'maxMegapixels',
];

/** Settings of which `auto` is as good as what it led to. */
const SETTLED: readonly (keyof RunConfig)[] = ['device', 'lowering'];

/** Where the files of a run lie. Not what they are: that is in the checkpoint's fingerprint. */
function placesOf({ data, weights, backbone }: RunConfig) {
  return { data, weights, backbone };
}

/**
 * Writes down where the files of a resumed run lie by now. To be called once what they hold was found
 * to be the same.
 */
export async function rememberPlaces(folder: string, config: RunConfig): Promise<void> {
  const before = await readRunConfig(folder);
  if (isDeepStrictEqual(placesOf(before), placesOf(config))) return;
  const text = `${JSON.stringify({ ...before, ...placesOf(config) }, null, 2)}\n`;
  await writeAtomic(runPaths(folder).config, text);
}

/** Whether two values of a setting are names of files, whose contents may be the same. */
function mayBeSameFiles(key: keyof RunConfig, a: RunConfig, b: RunConfig): boolean {
  if (key === 'data') return true;
  if (key === 'weights') return [a.weights, b.weights].every((name) => name !== 'none');
  const isTrunk = ({ backbone }: RunConfig) => trunkPath(backbone) !== undefined;
  return key === 'backbone' && isTrunk(a) && isTrunk(b);
}

function mustMatch(path: string, before: RunConfig, config: RunConfig): void {
  const keys = [
    ...new Set([...Object.keys(before), ...Object.keys(config)]),
  ] as (keyof RunConfig)[];
  const different = keys.filter(
    (key) =>
      !FREE.includes(key) &&
      !(SETTLED.includes(key) && config[key] === 'auto') &&
      !isDeepStrictEqual(before[key], config[key]) &&
      !mayBeSameFiles(key, before, config),
  );
  if (different.length === 0) return;
  const show = (c: RunConfig) =>
    different.map((key) => `${key}=${JSON.stringify(c[key])}`).join(', ');
  throw fail('FM_RUN', path, {
    expected: `the configuration it was started with (${show(before)})`,
    got: show(config),
    next:
      'A run keeps its settings to the end: resume it without naming them, and then start a new run ' +
      "from its network with others ('fieldmark weights convert', then --weights).",
  });
}

/** The text of a file; undefined where there is none. */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fail('FM_RUN', path, {
      expected: 'a file that can be read',
      got: message,
      next: 'Make it readable, or take the folder of the run away to train it again.',
      cause,
    });
  }
}

/** Whether a folder holds a run, begun or finished; throws FM_RUN where that cannot be told. */
export async function hasRun(folder: string): Promise<boolean> {
  return (await readIfThere(runPaths(folder).config)) !== undefined;
}

function readConfig(path: string, text: string): RunConfig {
  try {
    // runs from before there was a choice ran portable graphs on the processor
    return parseConfig({ device: 'cpu', lowering: 'portable', ...JSON.parse(text) }, path);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw damaged('FM_RUN', path, 'a configuration in JSON', cause);
  }
}

/** The configuration of a finished or unfinished run. */
export async function readRunConfig(folder: string): Promise<RunConfig> {
  const { config } = runPaths(folder);
  const text = await readIfThere(config);
  if (text === undefined) {
    throw fail('FM_RUN', folder, {
      expected: 'a run folder with config.json',
      got: 'none',
      next: 'Train one, or check the path.',
    });
  }
  return readConfig(config, text);
}
