// Options that several commands share, and how --config, --set and flags become a configuration.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { parse as parseToml } from 'smol-toml';
import { fail } from '../core/errors.ts';

/** A whole number of at least `least`, for commander. */
export function wholeNumber(least = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A number above zero, for commander. */
export function positiveNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a number above 0.');
}

/** The options of every command that reads photographs. */
export const imageOptions = {
  skipBad: new Option('--skip-bad', 'go on without the images that cannot be used'),
  maxMegapixels: new Option(
    '--max-megapixels <n>',
    'refuse larger images (default: 256)',
  ).argParser(positiveNumber),
};

/** `--max-megapixels` in pixels; undefined for the default. */
export function maxPixelsOf(megapixels: number | undefined): number | undefined {
  return megapixels === undefined ? undefined : megapixels * 1e6;
}

/** Three numbers with commas between them, for commander. */
export function threeNumbers(text: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (numbers.length === 3 && numbers.every(Number.isFinite)) return numbers;
  throw new InvalidArgumentError('expected three numbers such as 0.485,0.456,0.406.');
}

/** `2/5` as the settings of fold 2 of 5, for commander. */
export function foldSettings(text: string): string[] {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index === undefined || Number(index) < 1 || Number(index) > Number(count)) {
    throw new InvalidArgumentError("expected i/n with i from 1 to n, such as '2/5'.");
  }
  return [`fold.index=${index}`, `fold.count=${count}`];
}

/** `0.2` as the setting of a part that is held out, for commander. */
export function shareSettings(text: string): string[] {
  const share = Number(text);
  if (text.trim() === '' || !(share > 0 && share < 1)) {
    throw new InvalidArgumentError("expected a share above 0 and below 1, such as '0.2'.");
  }
  return [`holdOut.share=${share}`];
}

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

type Tree = { [key: string]: unknown };

/** Configuration from what a run has, a file, then `--set`, then flags; later ones win. */
export async function gatherConfig(
  file: string | undefined,
  sets: readonly string[],
  flags: Tree,
  before: Tree = {},
): Promise<Tree> {
  const given = file === undefined ? {} : moveStages(await readConfigFile(file));
  const config = { ...structuredClone(before), ...given };
  for (const text of sets) applySet(config, text);
  for (const [key, value] of Object.entries(flags)) {
    if (value !== undefined) config[key] = value;
  }
  return config;
}

async function readConfigFile(path: string): Promise<Tree> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('FM_CONFIG', path, {
      expected: 'a configuration file',
      got: (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no file' : String(cause),
      next: 'Check the path given to --config.',
      cause,
    });
  }
  try {
    const value = extname(path) === '.toml' ? parseToml(text) : (JSON.parse(text) as unknown);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Tree;
    throw new Error('not an object');
  } catch (cause) {
    throw fail('FM_CONFIG', path, {
      expected: 'JSON or, for .toml, TOML with keys and values',
      got: (cause as Error).message.split('\n')[0],
      next: 'Mend the file; docs/configuration.md has an example.',
      cause,
    });
  }
}

/** In files and --set, `stages` with keys below it holds the stages' settings. */
function moveStages({ stages, ...rest }: Tree): Tree {
  if (typeof stages === 'object' && stages !== null) return { ...rest, stage: stages };
  return stages === undefined ? rest : { ...rest, stages };
}

function applySet(config: Tree, text: string): void {
  const at = text.indexOf('=');
  const path = text.slice(0, Math.max(0, at)).split('.');
  if (at < 1 || path.some((key) => key === '')) {
    throw fail('FM_USAGE', '--set', {
      expected: 'key=value, such as stages.all.epochs=20',
      got: `'${text}'`,
      next: 'Write the key, an equals sign and the value without spaces.',
    });
  }
  if (path[0] === 'stages' && path.length > 1) path[0] = 'stage';
  let place = config;
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(place, key) ? place[key] : undefined;
    if (typeof inner === 'object' && inner !== null) {
      place = inner as Tree;
    } else {
      const fresh: Tree = Object.create(null) as Tree;
      place[key] = fresh;
      place = fresh;
    }
  }
  place[path[path.length - 1]] = parseValue(text.slice(at + 1));
}

/** JSON where it is JSON, else text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * An abort signal for Ctrl-C; a second Ctrl-C ends the process at once. `promise` says what
 * happens now.
 */
export function interruptible(promise = 'stopping'): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write(`\n${promise} (Ctrl-C again to stop at once)\n`);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
