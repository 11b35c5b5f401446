// What is asked about folders that could be meant in two ways. Each question says what was seen,
// and what answers it.

import { datasetError } from './dataset-error.ts';
import {
  classesOf,
  hasOwnPhotos,
  isUnlabelled,
  type NamedPart,
  namesOf,
  type Part,
  shareOf,
} from './folder-parts.ts';
import { firstNames } from './left-out.ts';
import type { DatasetOptions } from './loader.ts';
import { imagesBelow } from './photo-tree.ts';
import { isOccasion, isUnlabelledName, splitOf } from './split-names.ts';

/** What to do where all the folders are classes. */
function aside({ known }: DatasetOptions): string {
  return known === undefined
    ? 'if the folders are the classes, say splits=none (--splits none)'
    : 'if the folders are classes, name them like those of the model';
}

/** `train` with class folders in it, beside folders that are no splits. */
export function splitOrClass(
  exact: readonly Part[],
  parts: readonly Part[],
  where: string,
  options: DatasetOptions,
) {
  const others = parts.filter(({ folder }) => !exact.some((one) => one.folder === folder));
  const [{ folder, classes }] = exact;
  const got = `${folder.name} with folders in it (${firstNames(classes)}), beside ${namesOf(others)}`;
  return datasetError(where, 'folders of splits, or folders of classes', got, {
    next:
      `If ${namesOf(exact)} ${exact.length === 1 ? 'is a split' : 'are splits'}, take ` +
      `${namesOf(others)} out of the folder, or name them as splits too; ${aside(options)}.`,
  });
}

/** Two folders for one split, of which one may be a part of the other. */
export function mustHaveOneEach(named: readonly NamedPart[], where: string): void {
  for (const split of ['train', 'val', 'test'] as const) {
    const same = named.filter(({ name }) => name.split === split);
    if (same.length < 2) continue;
    throw datasetError(where, `one folder for the split '${split}'`, namesOf(same), {
      next: 'Keep one of them, and take the others out of the folder or put them into it.',
    });
  }
}

/** A folder beside splits that could be another. */
export function unknownSplit(
  { folder, classes }: Part,
  named: readonly NamedPart[],
  where: string,
) {
  const got = `${folder.name}, with the same folders in it (${firstNames(classes)})`;
  return datasetError(where, `train, val or test beside ${namesOf(named)}`, got, {
    next: `Name ${folder.name} after the split that it is, or take it out of the folder.`,
  });
}

/** Folders that would pass as classes and hardly are. */
export function mustNotBeSplits(
  parts: readonly Part[],
  where: string,
  options: DatasetOptions,
): void {
  if (parts.length === 0) return;
  if (areLoose(parts)) throw loosePhotos(parts, where, options);
  const all = classesOf(parts);
  const alike = parts.every((part) => {
    return shareOf(part, classesOf(parts.filter((other) => other !== part))) >= 0.5;
  });
  const areSplits = [...all].every((name) => splitOf(name)?.exact);
  if (!alike || all.size < 2 || areSplits || parts.some(({ inner }) => hasOwnPhotos(inner))) return;
  const [{ folder, classes }] = parts;
  const got = `${namesOf(parts)}, with the same folders in them (${firstNames(classes)})`;
  throw datasetError(where, 'a folder for each class, or splits with their names', got, {
    next:
      `If these are splits, name them train, val or test; if only one of them is meant, give that ` +
      `(${folder.path}); ${aside(options)}.`,
  });
}

/** Folders that say when photographs were taken, or by which camera, and nothing of what they show. */
export function mustNotBeOccasions(
  names: readonly string[],
  where: string,
  options: DatasetOptions,
): void {
  const known = names.some((name) => options.known?.has(name.normalize()));
  if (names.length === 0 || known || !names.every(isOccasion)) return;
  throw datasetError(
    where,
    'folders named after what the photographs show',
    `days or cameras (${firstNames(names)})`,
    {
      next:
        'Sort the photographs into a folder for each class, or list them in labels.csv with the ' +
        `columns filename and label; ${aside(options)}.`,
    },
  );
}

/** `train/*.jpg` and `test/*.jpg`; kinds of trains are classes. */
function areLoose(parts: readonly Part[]): boolean {
  const splits = new Set(parts.flatMap(({ name }) => name?.split ?? []));
  const allExact = parts.every(({ folder, name }) => name?.exact || isUnlabelledName(folder.name));
  return parts.every(isUnlabelled) && splits.size > 0 && (allExact || splits.size > 1);
}

/** Photographs where class folders should be. */
export function loosePhotos(parts: readonly Part[], where: string, options: DatasetOptions) {
  const [first] = imagesBelow(parts[0].folder);
  return datasetError(
    where,
    `a folder for each class in ${namesOf(parts)}`,
    `photographs without classes (${first ?? parts[0].folder.path})`,
    {
      next:
        'Sort them into a folder for each class, such as train/robin, or list them in labels.csv ' +
        `with the columns filename and label; ${aside(options)}.`,
    },
  );
}
