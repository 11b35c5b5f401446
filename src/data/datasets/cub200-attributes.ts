// The attributes of classes in the CUB-200-2011 layout: of all bird watchers who were asked, how many
// saw each attribute on the class.

import { join } from 'node:path';
import type { ClassAttributes } from '../../core/example.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { isFile, type Line, parseNumber, readLines, splitKey } from './lines.ts';

/** A class has what at least so many per cent saw. */
const THRESHOLD = 50;

/**
 * `attributes/class_attribute_labels_continuous.txt`: one line for each line of classes.txt, of
 * percentages. Names are those of `attributes/attributes.txt` or `attributes.txt`, else numbers from
 * 1. Undefined where the file is absent.
 */
export async function readAttributes(
  root: string,
  classes: number,
): Promise<ClassAttributes | undefined> {
  const path = join(root, 'attributes/class_attribute_labels_continuous.txt');
  if (!(await isFile(path))) return undefined;
  const lines = await readLines(path);
  if (lines.length !== classes) {
    throw datasetError(path, `${classes} lines, one for each class`, String(lines.length));
  }
  const width = lines[0].text.split(/\s+/).length;
  const ofClass = lines.map((line) => readRow(line, width));
  return { names: await readNames(root, width), ofClass };
}

function readRow(line: Line, width: number): boolean[] {
  const cells = line.text.split(/\s+/);
  if (cells.length !== width) {
    throw datasetError(line.where, `${width} percentages as in line 1`, String(cells.length));
  }
  return cells.map((cell) => {
    const share = parseNumber(cell, line);
    if (share >= 0 && share <= 100) return share >= THRESHOLD;
    throw datasetError(line.where, 'a percentage from 0 to 100', quoted(cell));
  });
}

/** `<id> <name>` lines. CUB's archive has the file beside the folder, not in it. */
async function readNames(root: string, count: number): Promise<string[]> {
  for (const name of ['attributes/attributes.txt', 'attributes.txt']) {
    const path = join(root, name);
    if (!(await isFile(path))) continue;
    const names = (await readLines(path)).map((line) => splitKey(line)[1]);
    if (names.length === count) return names;
    throw datasetError(path, `${count} lines, one for each attribute`, String(names.length));
  }
  return Array.from({ length: count }, (_, i) => String(i + 1));
}
