// The lines of a list of images: which file each one means, and what it says of it.

import { basename } from 'node:path';
import type { Split } from '../../core/example.ts';
import type { Row } from './cells.ts';
import { datasetError, quoted } from './dataset-error.ts';
import type { ImageList } from './image-lists.ts';
import { cleaned, type ImageNames, imagesNamed, strangeFolders } from './image-names.ts';
import { firstNames } from './left-out.ts';
import type { ListColumns } from './list-columns.ts';
import { splitOf } from './split-names.ts';

/** What one line says. */
export interface ListEntry {
  readonly id: string;
  readonly label: string;
  readonly split: Split | undefined;
  readonly where: string;
}

/** The images of a list. Throws FM_DATASET, naming the line, where it does not say which. */
export function entriesOf({ rows, columns, split }: ImageList, names: ImageNames): ListEntry[] {
  const front = frontOf(rows, columns, names);
  const missing: string[] = [];
  const entries = rows.flatMap(({ cells, where }): ListEntry[] => {
    const listed = cells[columns.image] ?? '';
    const label = cells[columns.label] ?? '';
    if (label === '')
      throw datasetError(where, 'a label', 'none', { next: 'Fill it in, or remove the line.' });
    const own = columns.split === undefined ? split : splitCell(cells[columns.split] ?? '', where);
    const path = cleaned(listed);
    const rest = path.startsWith(front) ? path.slice(front.length) : path;
    const found = imagesNamed(names, rest, own);
    if (found.length > 1) throw ambiguous(where, listed, found);
    if (found.length === 0) missing.push(`${where}: ${quoted(listed)}`);
    return found.map((id) => ({ id, label, split: own, where }));
  });
  if (missing.length > 0) throw absent(missing, rows.length);
  return entries;
}

/** Folders of another machine in front of the names, the same for all lines. */
function frontOf(rows: readonly Row[], { image }: ListColumns, names: ImageNames): string {
  for (const { cells } of rows) {
    const cut = strangeFolders(names, cells[image] ?? '');
    if (cut === undefined) continue;
    const parts = cleaned(cells[image]).split('/').slice(0, cut);
    const front = parts.map((part) => `${part}/`).join('');
    const isFront = rows.every((row) => cleaned(row.cells[image] ?? '').startsWith(front));
    return isFront ? front : '';
  }
  return '';
}

function splitCell(text: string, where: string): Split {
  const named = splitOf(text);
  if (named !== undefined) return named.split;
  throw datasetError(where, 'train, val or test', quoted(text), {
    next: 'Name the split of every line, or rename the column if it says something else.',
  });
}

function ambiguous(where: string, listed: string, found: readonly string[]) {
  return datasetError(
    where,
    'the name of one image',
    `${quoted(listed)}, which ${firstNames(found)} could be`,
    {
      next: 'Write the path below the folder of the list.',
    },
  );
}

function absent(missing: readonly string[], lines: number) {
  const [first] = missing;
  const at = first.indexOf(': "');
  const count = missing.length === 1 ? '' : ` (and ${missing.length - 1} more of ${lines} lines)`;
  return datasetError(
    first.slice(0, at),
    'the name of an image that is there',
    `${first.slice(at + 2)}${count}`,
    {
      next: 'Put the images below the folder of the list, or correct or remove the lines.',
    },
  );
}

/** A line may be repeated; two labels for an image are a contradiction. */
export function withoutRepeats(listed: readonly ListEntry[]) {
  const seen = new Map<string, ListEntry>();
  const again: ListEntry[] = [];
  for (const entry of listed) {
    const before = seen.get(entry.id);
    if (before === undefined) {
      seen.set(entry.id, entry);
      continue;
    }
    again.push(entry);
    if (before.label === entry.label && before.split === entry.split) continue;
    const got = `${quoted(entry.label)} for ${entry.id}, which is ${quoted(before.label)} in ${basename(before.where)}`;
    throw datasetError(entry.where, 'one label and one split for each image', got, {
      next: 'Keep one of the lines.',
    });
  }
  return { entries: [...seen.values()], again };
}
