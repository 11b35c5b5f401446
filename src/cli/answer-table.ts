// The table that `predict --csv` writes: a row for each photograph, as it is answered.

import { resolve } from 'node:path';
import { FieldmarkError, fail } from '../core/errors.ts';
import { openAtomic } from '../formats/atomic-file.ts';
import { type Cell, csv } from '../formats/csv.ts';
import type { Manifest } from '../recognise/manifest.ts';
import type { Prediction } from '../recognise/recogniser.ts';

/** A table under way; it takes its name when it is whole. */
export interface AnswerTable {
  /** A row for a photograph: its answer, or why it has none. */
  add(photo: string, found: Prediction | FieldmarkError): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Opens the table. Throws FM_USAGE where it would take the place of one of the photographs. */
export async function openTable(
  path: string,
  photos: readonly string[],
  { manifest, topK }: { readonly manifest: Manifest; readonly topK: number },
): Promise<AnswerTable> {
  mustKeepPhotos(path, photos);
  const file = await openAtomic(path);
  const write = (row: readonly Cell[]) => file.write(csv([row]));
  const heading = headingOf(manifest, topK);
  await write(heading);
  return {
    add: (photo, found) => write(rowOf(photo, found, heading.length)),
    commit: () => file.commit(),
    discard: () => file.discard(),
  };
}

function headingOf({ hierarchy = [], classes }: Manifest, topK: number): string[] {
  const answers = Array.from({ length: Math.min(topK, classes.length) }, (_, i) => i + 1);
  return [
    'photo',
    'error',
    ...hierarchy.flatMap(({ name }) => [name, `confidence of ${name}`]),
    ...answers.flatMap((n) => [`answer ${n}`, `confidence ${n}`]),
  ];
}

/** As many cells as the heading has: some readers refuse a table with shorter rows. */
function rowOf(photo: string, found: Prediction | FieldmarkError, width: number): Cell[] {
  if (found instanceof FieldmarkError) {
    return Array.from({ length: width }, (_, i) => [photo, found.message][i]);
  }
  const pairs = [...found.levels, ...found.answers];
  return [photo, '', ...pairs.flatMap(({ name, confidence }) => [name, confidence])];
}

function mustKeepPhotos(path: string, photos: readonly string[]): void {
  if (!photos.some((photo) => resolve(photo) === resolve(path))) return;
  throw fail('FM_USAGE', '--csv', {
    expected: 'a place of its own for the table',
    got: `one of the photographs (${path})`,
    next: 'Name another file.',
  });
}
