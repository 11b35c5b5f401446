// Images with their labels in a table: `labels.csv` with the columns filename and label, and
// perhaps split; or one table for each split, `train.csv` and `val.csv`.

import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import { unifySpellings } from './class-names.ts';
import { datasetError } from './dataset-error.ts';
import { layoutOf } from './folder-layout.ts';
import { type ImageList, type OtherTable, readLists, tableNames } from './image-lists.ts';
import { type ImageNames, imageNames, imagesNamed } from './image-names.ts';
import { firstNames, leftOutFiles, leftOutNotes, leftOutOfTree } from './left-out.ts';
import { entriesOf, type ListEntry, withoutRepeats } from './list-entries.ts';
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
    if (folders === undefined) {
      const { lists, others } = await readLists(root, names);
      if (lists.length === 0) mustNotAsk(others);
      return lists.length > 0;
    }
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
  const { nameOf, notes } = unifySpellings(
    entries.map(({ label }, i) => ({ className: label, split: splits[i] })),
  );
  const classes = [...new Set(nameOf.values())].sort(naturalCompare);
  const order = new Map(classes.map((name, index) => [name, index]));
  const examples = entries.map(({ id, label }, i): Example => {
    return {
      id,
      path: join(root, ...id.split('/')),
      label: order.get(nameOf.get(label)!)!,
      split: splits[i],
    };
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
      `labels from ${lists.map(inWords).join('; ')}`,
      ...notes,
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
  const by = split === undefined ? '' : `, splits by '${header[split]}'`;
  return `${name} ('${header[label]}' of each '${header[image]}'${by})`;
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

/** A table that lists images, and could be read if its headings said more. */
function mustNotAsk(others: readonly OtherTable[]): void {
  const question = others.find((table) => table.question !== undefined)?.question;
  if (question !== undefined) throw question;
}

function mustBeOneEach(
  root: string,
  lists: readonly ImageList[],
  others: readonly OtherTable[],
): void {
  if (lists.length === 0) {
    mustNotAsk(others);
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

/** Where the list names no splits, the folders of the images may; else everything trains. */
function splitsOf(entries: readonly ListEntry[]): Split[] {
  const folders = entries.map(({ id }) => splitOf(id.includes('/') ? id.split('/')[0] : ''));
  const named =
    folders.every((name) => name?.exact) && folders.some((name) => name?.split === 'train');
  return entries.map(({ split }, i) => split ?? (named ? folders[i]!.split : 'train'));
}
