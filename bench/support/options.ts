// The command line of the benchmark.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { fail } from '../../src/core/errors.ts';

/** What `--help` prints. */
export const HELP = `npm run bench -- [options]

Ours against PyTorch on this machine, in alternating rounds; one table, and the numbers as JSON.

  --only WORDS    rows whose name contains one of these: resnet18,mobilenet_v2
  --rows KINDS    rows of these kinds: step,infer,features,jpeg,conv
  --rounds N      rounds that count, at least 7 (7)
  --threads N     threads of every contestant; jpeg has one always (2)
  --out FILE      where the JSON goes (bench-results.json)
  --json          end standard output with the same JSON on one line
  --list          name the rows and do nothing else`;

export interface BenchOptions {
  readonly only: readonly string[];
  readonly kinds: readonly string[];
  readonly rounds: number;
  readonly threads: number;
  readonly out: string;
  readonly json: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

const flags = {
  only: { type: 'string', multiple: true, default: [] },
  rows: { type: 'string', multiple: true, default: [] },
  rounds: { type: 'string', default: '7' },
  threads: { type: 'string', default: '2' },
  out: { type: 'string', default: 'bench-results.json' },
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options'];

/** Reads the arguments after the program's name. Throws FM_USAGE. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const values = read(args);
  return {
    only: words(values.only),
    kinds: words(values.rows),
    rounds: wholeNumber('--rounds', values.rounds, 7),
    threads: wholeNumber('--threads', values.threads, 1),
    out: values.out,
    json: values.json,
    list: values.list,
    help: values.help,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (cause) {
    const got = (cause as Error).message.split('. ')[0];
    const next = 'Try npm run bench -- --help.';
    throw fail('FM_USAGE', 'bench', { expected: 'its options', got, next, cause });
  }
}

function words(lists: readonly string[]): string[] {
  return lists.flatMap((list) => list.split(',')).filter((word) => word !== '');
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  const expected = `a whole number, at least ${least}`;
  throw fail('FM_USAGE', flag, { expected, got: text, next: 'Try npm run bench -- --help.' });
}
