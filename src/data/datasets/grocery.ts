// The Grocery Store dataset (Klasson, Zhang, Kjellström, WACV 2019): 81 fine classes below 43 coarse
// ones (42 in print), train, validation and test splits. A split without its list is left out.

import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import { type Row, readCells } from './cells.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { isFile } from './lines.ts';
import { listedPath } from './listed-path.ts';
import { type DatasetLoader, hierarchyLevel, supervisionOf } from './loader.ts';

/** classes.csv beside train.txt, val.txt and test.txt. */
export const grocery: DatasetLoader = {
  name: 'grocery',
  looksFor: 'classes.csv and train.txt, as the Grocery Store dataset has them',
  async detect(root) {
    const names = ['classes.csv', 'train.txt'];
    return (await Promise.all(names.map((name) => isFile(join(root, name))))).every(Boolean);
  },
  load,
};

/** One line of classes.csv. */
interface GroceryClass {
  readonly name: string;
  readonly coarseName: string;
  readonly coarseId: string;
}

async function load(root: string): Promise<Dataset> {
  const classes = await readClasses(join(root, 'classes.csv'));
  const order = new Map([...classes.keys()].map((id, index) => [id, index]));
  const examples: Example[] = [];
  for (const split of ['train', 'val', 'test'] as const) {
    const path = join(root, `${split}.txt`);
    if (!(await isFile(path))) continue;
    for (const row of await readCells(path)) {
      examples.push(await readExample(root, split, row, { classes, order }));
    }
  }
  mustBeUnique(root, examples);
  const coarse = [...classes.values()].map((row) => row.coarseName);
  const hierarchy = [hierarchyLevel('coarse', coarse)];
  return {
    name: basename(root),
    format: 'grocery',
    root,
    classes: [...classes.values()].map((row) => row.name.replaceAll('-', ' ')),
    examples,
    supervision: supervisionOf(examples, hierarchy),
    hierarchy,
    licence: 'Grocery Store dataset: MIT',
  };
}

/** By class id, in the file's order. The first line is the header, unless it has a class id. */
async function readClasses(path: string): Promise<Map<string, GroceryClass>> {
  const rows = await readCells(path);
  const hasHeader = !/^\d+$/.test(rows[0]?.cells[1] ?? '');
  const classes = new Map<string, GroceryClass>();
  for (const { cells, where } of hasHeader ? rows.slice(1) : rows) {
    const [name, id, coarseName, coarseId] = cells;
    if (!coarseId) {
      throw datasetError(where, 'name, id, coarse name, coarse id', quoted(cells.join(', ')));
    }
    if (classes.has(id)) throw datasetError(where, 'every class id once', `${id} again`);
    classes.set(id, { name, coarseName, coarseId });
  }
  return classes;
}

interface ClassTable {
  readonly classes: ReadonlyMap<string, GroceryClass>;
  readonly order: ReadonlyMap<string, number>;
}

/** `train/Fruit/Apple/Golden-Delicious/Golden-Delicious_001.jpg, 0, 0` */
async function readExample(
  root: string,
  split: Split,
  { cells, where }: Row,
  table: ClassTable,
): Promise<Example> {
  const [listed, fine, coarse] = cells;
  if (coarse === undefined) {
    throw datasetError(where, 'path, class, coarse class', quoted(cells.join(', ')));
  }
  const row = table.classes.get(fine);
  if (row === undefined) throw datasetError(where, 'a class of classes.csv', quoted(fine));
  if (row.coarseId !== coarse) {
    throw datasetError(where, `coarse class ${row.coarseId} for ${row.name}`, quoted(coarse));
  }
  const path = await listedPath(root, listed);
  return { id: path, path: join(root, path), label: table.order.get(fine)!, split };
}

function mustBeUnique(root: string, examples: readonly Example[]): void {
  const seen = new Set<string>();
  for (const { id } of examples) {
    if (seen.has(id)) throw datasetError(root, 'every image in one list, once', `${id} again`);
    seen.add(id);
  }
}
