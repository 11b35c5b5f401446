// Annotation text files: their lines with numbers, and errors that name file and line.

import { readFile, stat } from 'node:fs/promises';
import { type FieldmarkError, fail } from '../../core/errors.ts';

/** One line of an annotation file that is not blank. */
export interface Line {
  readonly text: string;
  /** `path:number`, for messages; lines count from 1. */
  readonly where: string;
}

/** The lines of a text file without blank ones. Byte order mark and carriage returns are dropped. */
export async function readLines(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw datasetError(path, 'a text file', `none (${cause.code})`, { cause });
  });
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line, i) => ({ text: line.trim(), where: `${path}:${i + 1}` }))
    .filter((line) => line.text !== '');
}

/** The first word of a line and the rest of it, which may hold spaces. */
export function splitKey(line: Line): [key: string, rest: string] {
  const space = line.text.search(/\s/);
  if (space < 0) throw datasetError(line.where, 'an id, a space and a value', quoted(line.text));
  return [line.text.slice(0, space), line.text.slice(space).trim()];
}

/** A finite number out of a line. */
export function parseNumber(text: string, line: Line): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) {
    throw datasetError(line.where, 'a number', quoted(text));
  }
  return value;
}

/** FM_DATASET with the next step that fits annotation files. */
export function datasetError(
  where: string,
  expected: string,
  got: string,
  more: { next?: string; cause?: unknown } = {},
): FieldmarkError {
  const next = more.next ?? 'Correct the file or restore it from the original dataset.';
  return fail('FM_DATASET', where, { expected, got, next, cause: more.cause });
}

/** Text in quotes and not too long, for messages. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? text.slice(0, 57) + '...' : text);
}

/** Whether the path is a file; links are followed. */
export async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Whether the path is a folder; links are followed. */
export async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
