// The Grocery Store dataset (Klasson, Zhang, Kjellström, WACV 2019): 81 fine classes below 43 coarse
// ones (42 in print), train, validation and test splits. A split without its list is left out.

import { basename, join } from 'node:path';
import type { Dataset, Example, Split } from '../../core/example.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { isFile, type Line, readLines } from './lines.ts';
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
    for (const line of await readLines(path)) {
      examples.push(readExample(root, split, line, { classes, order }));
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

/** By class id, in the file's order. The first line is the header. */
async function readClasses(path: string): Promise<Map<string, GroceryClass>> {
  const classes = new Map<string, GroceryClass>();
  for (const line of (await readLines(path)).slice(1)) {
    const [name, id, coarseName, coarseId] = line.text.split(',').map((cell) => cell.trim());
    if (!coarseId) throw datasetError(line.where, 'name, id, coarse name, coarse id', line.text);
    if (classes.has(id)) throw datasetError(line.where, 'every class id once', `${id} again`);
    classes.set(id, { name, coarseName, coarseId });
  }
  return classes;
}

interface ClassTable {
  readonly classes: ReadonlyMap<string, GroceryClass>;
  readonly order: ReadonlyMap<string, number>;
}

/** `train/Fruit/Apple/Golden-Delicious/Golden-Delicious_001.jpg, 0, 0` */
function readExample(root: string, split: Split, line: Line, table: ClassTable): Example {
  const [path, fine, coarse] = line.text.split(',').map((cell) => cell.trim());
  if (coarse === undefined) throw datasetError(line.where, 'path, class, coarse class', line.text);
  const row = table.classes.get(fine);
  if (row === undefined) throw datasetError(line.where, 'a class of classes.csv', quoted(fine));
  if (row.coarseId !== coarse) {
    throw datasetError(line.where, `coarse class ${row.coarseId} for ${row.name}`, quoted(coarse));
  }
  return { id: path, path: join(root, path), label: table.order.get(fine)!, split };
}

function mustBeUnique(root: string, examples: readonly Example[]): void {
  const seen = new Set<string>();
  for (const { id } of examples) {
    if (seen.has(id)) throw datasetError(root, 'every image in one list, once', `${id} again`);
    seen.add(id);
  }
}
