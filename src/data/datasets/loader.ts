// What a dataset loader is, and the facts that all of them derive in the same way.

import type { Dataset, Example, HierarchyLevel, Supervision } from '../../core/example.ts';

export interface DatasetOptions {
  /**
   * `folder` only. `auto`: splits are found out; `none`: the folders in the root are the classes.
   */
  readonly splits?: 'auto' | 'none';
  /** `folder` only. A single folder in the root is a class, and not what holds the classes. */
  readonly oneClass?: boolean;
  /**
   * `folder` only. Names of classes (in NFC) that a folder is known to have: nothing is guessed
   * then.
   */
  readonly known?: ReadonlySet<string>;
  /** `folder` only. Every folder that holds images is a class, named by its path. */
  readonly nested?: boolean;
}

/** One row of the dataset table. */
export interface DatasetLoader {
  readonly name: string;
  /** What `detect` looks for, in words for messages. */
  readonly looksFor: string;
  detect(root: string): Promise<boolean>;
  /** `root` is an absolute path of a folder. Throws FM_DATASET. */
  load(root: string, options: DatasetOptions): Promise<Dataset>;
}

/** What every training example has (every example, where none trains), and the hierarchy. */
export function supervisionOf(
  examples: readonly Example[],
  hierarchy?: readonly HierarchyLevel[],
): Supervision[] {
  const training = examples.filter((example) => example.split === 'train');
  const counted = training.length > 0 ? training : examples;
  const all = (has: (example: Example) => unknown) => counted.every((e) => has(e) !== undefined);
  const found: Supervision[] = ['labels'];
  if (all((example) => example.box)) found.push('box');
  if (all((example) => example.parts)) found.push('parts');
  if (all((example) => example.partBoxes)) found.push('partBoxes');
  if (all((example) => example.maskPath)) found.push('mask');
  if (hierarchy && hierarchy.length > 0) found.push('hierarchy');
  return found;
}

/**
 * A level above the classes from the name that each class has there, numbered as they first come.
 */
export function hierarchyLevel(name: string, nameOfClass: readonly string[]): HierarchyLevel {
  const names = [...new Set(nameOfClass)];
  const order = new Map(names.map((parent, index) => [parent, index]));
  return { name, names, ofClass: nameOfClass.map((parent) => order.get(parent)!) };
}
