// Images with their labels in a table: `labels.csv` with the columns filename and label, and perhaps
// split; or one table for each split, `train.csv` and `val.csv`.

import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import type { Row } from './cells.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { layoutOf } from './folder-layout.ts';
import { type ImageList, type OtherTable, readLists, tableNames } from './image-lists.ts';
import {
  cleaned,
  type ImageNames,
  imageNames,
  imagesNamed,
  strangeFolders,
} from './image-names.ts';
import { firstNames, leftOutFiles, leftOutNotes, leftOutOfTree } from './left-out.ts';
import type { ListColumns } from './list-columns.ts';
import { type DatasetLoader, supervisionOf } from './loader.ts';
import { naturalCompare } from './natural-order.ts';
import { imagesBelow, type PhotoFolder, readPhotoTree } from './photo-tree.ts';
import { isGenericName, splitOf } from './split-names.ts';

/** A table of images and labels in the root, where folders say nothing of classes. */
export const csv: DatasetLoader = {
  name: 'csv',
  looksFor: 'a table such as labels.csv with columns of file names and labels, beside the images',
  async detect(root) {
    if ((await tableNames(root)).length === 0) return false;
    const { root: top } = await readPhotoTree(root);
    const names = imageNames(imagesBelow(top));
    const folders = foldersOf(top, root);
    if (folders === undefined) return (await readLists(root, names)).lists.length > 0;
    // beside class folders a table that cannot be read is no obstacle
    const { lists } = await readLists(root, names).catch(() => ({ lists: [] }));
    const other = lists.find((list) => contradicts(list, names, folders));
    if (other === undefined || [...folders.values()].every(isGenericName)) {
      return other !== undefined;
    }
    throw datasetError(
      root,
      'labels in folders, or in a table',
      `both, and ${other.name} says others`,
      {
        next: 'Pass --format folder to learn the names of the folders, --format csv for those of the table.',
      },
    );
  },
  load,
};

async function load(root: string): Promise<Dataset> {
  const tree = await readPhotoTree(root);
  const names = imageNames(imagesBelow(tree.root));
  const { lists, others } = await readLists(root, names);
  mustBeOneEach(root, lists, others);
  const listed = lists.flatMap((list) => entriesOf(list, names));
  const { entries, again } = withoutRepeats(listed);
  const splits = splitsOf(entries);
  const classes = [...new Set(entries.map(({ label }) => label))].sort(naturalCompare);
  const order = new Map(classes.map((name, index) => [name, index]));
  const examples = entries.map(({ id, label }, i): Example => {
    return { id, path: join(root, ...id.split('/')), label: order.get(label)!, split: splits[i] };
  });
  const taken = new Set(entries.map(({ id }) => id));
  return {
    name: basename(root),
    format: 'csv',
    root,
    classes,
    examples,
    supervision: supervisionOf(examples),
    notes: [
      `labels: ${lists.map(inWords).join('; ')}`,
      ...leftOutNotes([
        {
          kind: ['photograph that no list names', 'photographs that no list names'],
          paths: names.ids.filter((id) => !taken.has(id)),
        },
        {
          kind: ['line that says again what another said', 'lines that say again what others said'],
          paths: again.map(({ where }) => basename(where)),
        },
        {
          kind: ['table without images or labels', 'tables without images or labels'],
          paths: others.map(({ name, reason }) => `${name} ${reason}`),
        },
        ...leftOutFiles([tree.root]).slice(0, -1),
        ...leftOutOfTree(tree),
      ]),
    ],
  };
}

function inWords({ name, columns: { image, label, split }, header }: ImageList): string {
  if (header === undefined) return `${name}, which has no header`;
  const by = split === undefined ? '' : ` by ${header[split]}`;
  return `${name}, ${header[label]} of ${header[image]}${by}`;
}

/** The class folder of each image, where there are several. */
function foldersOf(root: PhotoFolder, where: string): Map<string, string> | undefined {
  try {
    const { classes } = layoutOf(root, where, {});
    const entries = classes.flatMap(({ folder, className }) =>
      imagesBelow(folder).map((id) => [id, className] as const),
    );
    return new Set(classes.map(({ className }) => className)).size > 1
      ? new Map(entries)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a table has several labels for the images of one folder: it says something else. */
function contradicts(
  { rows, columns: { image, label } }: ImageList,
  names: ImageNames,
  folders: ReadonlyMap<string, string>,
): boolean {
  const labels = new Map<string, Set<string>>();
  for (const { cells } of rows) {
    for (const id of imagesNamed(names, cells[image] ?? '')) {
      const folder = folders.get(id);
      if (folder === undefined) continue;
      labels.set(folder, (labels.get(folder) ?? new Set()).add(cells[label] ?? ''));
    }
  }
  return [...labels.values()].some(({ size }) => size > 1);
}

function mustBeOneEach(
  root: string,
  lists: readonly ImageList[],
  others: readonly OtherTable[],
): void {
  if (lists.length === 0) {
    const got = others.map(({ name, reason }) => `${name}, which ${reason}`).join('; ');
    throw datasetError(root, 'a table of images and labels', got === '' ? 'no table' : got, {
      next: 'Write one with the columns filename and label, or sort the images into a folder for each class.',
    });
  }
  const splits = new Set(lists.map(({ split }) => split));
  if (lists.length === 1 || (splits.size === lists.length && !splits.has(undefined))) return;
  const got = firstNames(
    lists.map(({ name }) => name),
    8,
  );
  throw datasetError(root, 'one list of images, or one for each split', got, {
    next: 'Keep the one that counts and take the others out of the folder, or name them train.csv, val.csv and test.csv.',
  });
}

/** What one line says. */
interface Entry {
  readonly id: string;
  readonly label: string;
  readonly split: Split | undefined;
  readonly where: string;
}

function entriesOf({ rows, columns, split }: ImageList, names: ImageNames): Entry[] {
  const front = frontOf(rows, columns, names);
  const missing: string[] = [];
  const entries = rows.flatMap(({ cells, where }): Entry[] => {
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
    const parts = cleaned(cells[image]).split('/');
    return parts
      .slice(0, cut)
      .map((part) => `${part}/`)
      .join('');
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
function withoutRepeats(listed: readonly Entry[]) {
  const seen = new Map<string, Entry>();
  const again: Entry[] = [];
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

/** Where the list names no splits, the folders of the images may; else everything trains. */
function splitsOf(entries: readonly Entry[]): Split[] {
  const folders = entries.map(({ id }) => splitOf(id.includes('/') ? id.split('/')[0] : ''));
  const named =
    folders.every((name) => name?.exact) && folders.some((name) => name?.split === 'train');
  return entries.map(({ split }, i) => split ?? (named ? folders[i]!.split : 'train'));
}
