// Annotation text files: their lines, with what errors need to name them.

import { stat } from 'node:fs/promises';
import { readAnnotations } from './annotation-text.ts';
import { datasetError, quoted } from './dataset-error.ts';

/** One line of an annotation file that is not blank. */
export interface Line {
  readonly text: string;
  /** `path:number`, for messages; lines count from 1. */
  readonly where: string;
}

/**
 * The lines of a text file without blank ones, in UTF-8 or UTF-16; carriage returns are dropped.
 */
export async function readLines(path: string): Promise<Line[]> {
  return (await readAnnotations(path))
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
