// The tables beside images: which of them say what the images show.

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { FieldmarkError } from '../../core/errors.ts';
import type { Split } from '../../core/example.ts';
import { type Row, readCells } from './cells.ts';
import { type ImageNames, strangeFolders } from './image-names.ts';
import { askForLabels, type ListColumns, readHeader, readOneHot } from './list-columns.ts';
import { naturalCompare } from './natural-order.ts';
import { extensionOf } from './photo-tree.ts';
import { splitOf } from './split-names.ts';

/** A table that names images and labels. */
export interface ImageList {
  readonly name: string;
  /** Its lines without the header. */
  readonly rows: readonly Row[];
  readonly columns: ListColumns;
  /** What the columns are called; undefined without a header. */
  readonly header?: readonly string[];
  /** That of its name, `train.csv`. */
  readonly split?: Split;
}

/** A table that is no list of images. */
export interface OtherTable {
  readonly name: string;
  /** Why it is none, for messages. */
  readonly reason: string;
  /** What would have to be known, where it lists images all the same. */
  readonly question?: FieldmarkError;
}

/** Tables are read as a whole, and larger ones are no lists. */
const LARGEST = 2 ** 28;

/** Tables right in a folder; without any, those right in the folders of splits, as slash paths. */
export async function tableNames(root: string): Promise<string[]> {
  const own = await tablesIn(root);
  if (own.length > 0) return own;
  const splits = (await readdir(root).catch(() => [])).filter(
    (name) => splitOf(name) !== undefined,
  );
  const inside = await Promise.all(
    splits.map(async (split) =>
      (await tablesIn(join(root, split))).map((name) => `${split}/${name}`),
    ),
  );
  return inside.flat().sort(naturalCompare);
}

/** Those that only show how predictions are handed in do not count. */
async function tablesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const tables = names.filter((name) => ['csv', 'tsv'].includes(extensionOf(name)));
  return tables
    .filter((name) => !name.startsWith('.') && !/submission/i.test(name))
    .sort(naturalCompare);
}

/** Reads the tables in a folder. Throws FM_DATASET where one cannot be read. */
export async function readLists(
  root: string,
  names: ImageNames,
): Promise<{ lists: ImageList[]; others: OtherTable[] }> {
  const lists: ImageList[] = [];
  const others: OtherTable[] = [];
  for (const name of await tableNames(root)) {
    const table = await readList(root, name, names);
    if ('reason' in table) others.push(table);
    else lists.push(table);
  }
  return { lists, others };
}

async function readList(
  root: string,
  name: string,
  names: ImageNames,
): Promise<ImageList | OtherTable> {
  const path = join(root, name);
  if ((await stat(path)).size > LARGEST) return { name, reason: 'is too large' };
  const [first, ...rest] = await readCells(path);
  if (first === undefined) return { name, reason: 'is empty' };
  const split = (splitOf(dirname(name)) ?? splitOf(basename(name, extname(name))))?.split;
  const isImage = ({ cells }: Row, column: number) =>
    strangeFolders(names, cells[column] ?? '') !== undefined;
  const found = readHeader(first, rest);
  if (found === undefined && isImage(first, 0) && first.cells.length === 2) {
    return { name, rows: [first, ...rest], columns: { image: 0, label: 1 }, split };
  }
  const oneHot = found === undefined ? readOneHot(first, rest) : undefined;
  const columns = found ?? oneHot?.columns;
  if (columns === undefined) {
    const reason = `has no columns of images and labels, such as filename and label, but ${first.cells.slice(0, 8).join(', ')}`;
    return { name, reason, question: askForLabels(first, rest, isImage) };
  }
  if (!rest.some((row) => isImage(row, columns.image))) {
    return { name, reason: 'names no image that is there' };
  }
  const header = oneHot?.header ?? first.cells;
  return { name, rows: oneHot?.rows ?? rest, columns, header, split };
}
