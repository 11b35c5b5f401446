// Images that cannot be used, told all at once: by number and kind, the first by name, all of them
// in a file where they are many.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { Dataset } from '../core/example.ts';
import { writeAtomic } from '../formats/atomic-file.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { type FaultKind, faultTable, type ImageFault } from './image/fault.ts';

/** An image that cannot be used. */
export interface ImageProblem extends ImageFault {
  readonly id: string;
  readonly path: string;
}

/** What was left out, as results tell it. */
export interface LeftOut {
  readonly count: number;
  /** How many of each kind there are. */
  readonly kinds: Partial<Record<FaultKind, number>>;
  /** A file that lists all of them; absent where it cannot be written or there is none to list. */
  readonly list?: string;
}

/** Problems that messages name; a file names the others. */
const NAMED = 10;

/** What messages call the place of the images, and what leaves bad ones out there. */
export interface ProblemWords {
  readonly where: string;
  readonly next: string;
}

const OF_DATASET: ProblemWords = {
  where: 'dataset',
  next:
    'Replace these files or take them out of the dataset, ' +
    'or go on without them (--skip-bad, or skipBad in a configuration).',
};

/** Throws one FM_IMAGE about all of them; returns when there are none. */
export async function raiseProblems(
  problems: readonly ImageProblem[],
  words: ProblemWords = OF_DATASET,
): Promise<void> {
  if (problems.length === 0) return;
  const { kinds } = countKinds(problems);
  const few = problems.length <= NAMED;
  const list = few ? undefined : await writeProblems(problems);
  const about = [kindsInWords(kinds), ...(list === undefined ? [] : [`all listed in ${list}`])];
  const named = problems.slice(0, NAMED).map(({ path, got }) => `\n  ${path}: ${got}`);
  const more = few ? '' : `\n  and ${problems.length - NAMED} more`;
  const steps = [...new Set(problems.map(stepOf).filter((step) => step !== undefined))].slice(0, 3);
  throw fail('FM_IMAGE', words.where, {
    expected: 'every image to decode',
    got: `${countInWords(problems.length)} that cannot be used (${about.join('; ')}):${named.join('')}${more}`,
    next: [...steps, words.next].join(' '),
  });
}

/** What helps with this kind of file and not with others. */
function stepOf({ kind, next }: ImageFault): string | undefined {
  return next ?? (kind === 'too-large' ? faultTable[kind].next : undefined);
}

/** Counts what is left out and writes the list of it. */
export async function tellLeftOut(problems: readonly ImageProblem[]): Promise<LeftOut> {
  const counts = countKinds(problems);
  const list = problems.length === 0 ? undefined : await writeProblems(problems);
  return { ...counts, list };
}

/** `3 images that cannot be used are left out (2 truncated, 1 empty), see FILE` */
export function leftOutInWords({ count, kinds, list }: LeftOut): string {
  const file = list === undefined ? '' : `; they are listed in ${list}`;
  const are = count === 1 ? 'is' : 'are';
  const what = `${countInWords(count)} that cannot be used ${are} left out`;
  return `${what} (${kindsInWords(kinds)})${file}`;
}

function countInWords(count: number): string {
  return `${count} image${count === 1 ? '' : 's'}`;
}

function countKinds(problems: readonly ImageProblem[]): LeftOut {
  const kinds: Partial<Record<FaultKind, number>> = {};
  for (const { kind } of problems) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return { count: problems.length, kinds };
}

function kindsInWords(kinds: LeftOut['kinds']): string {
  return Object.entries(kinds)
    .map(([kind, count]) => `${count} ${kind.replaceAll('-', ' ')}`)
    .join(', ');
}

/** Path, kind and reason, a line each, tabs between; the same problems have the same file. */
async function writeProblems(problems: readonly ImageProblem[]): Promise<string | undefined> {
  const lines = problems.map(({ path, kind, got }) => [path, kind, got].join('\t'));
  const text = `${lines.join('\n')}\n`;
  // not the reason: a decoder's words may differ where several images fail at the same time
  const same = JSON.stringify(problems.map(({ path, kind }) => [path, kind]));
  const hash = createHash('sha256').update(same).digest('hex').slice(0, 12);
  const path = join(cacheFolder('images'), `bad-images-${hash}.txt`);
  return await writeAtomic(path, text).then(
    () => path,
    () => undefined,
  );
}

/** The dataset without these images; its classes stay. */
export function withoutBad(dataset: Dataset, problems: readonly ImageProblem[]): Dataset {
  if (problems.length === 0) return dataset;
  const bad = new Set(problems.map(({ id }) => id));
  return { ...dataset, examples: dataset.examples.filter(({ id }) => !bad.has(id)) };
}
