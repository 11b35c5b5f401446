// The text files of CUB-200-2011, written from what was drawn. Ids are 1-based; pixels 0-based.

import type { Box, PartPoint } from '../../core/example.ts';
import { attributeNames, attributesOf } from './field-marks.ts';
import { PART_NAMES } from './parts.ts';
import type { Species } from './species.ts';

/** One picture to be drawn. */
export interface Entry {
  readonly species: number;
  /** Counts within the species, from 0. */
  readonly index: number;
  readonly train: boolean;
  /** Relative to `images/`, without `.jpg`; the mask is at the same place in `segmentations/`. */
  readonly stem: string;
}

/** What drawing a picture told about it. */
export interface Annotation {
  readonly box: Box;
  readonly parts: readonly PartPoint[];
}

/** `001.Golden-capped_Mosswing`: CUB's class names; more digits past 999 classes. */
export function className(species: readonly Species[], index: number): string {
  const digits = Math.max(3, String(species.length).length);
  return `${String(index + 1).padStart(digits, '0')}.${fileName(species[index])}`;
}

/** All pictures, species by species, the training pictures of each first. */
export function listEntries(
  species: readonly Species[],
  { trainPerClass, testPerClass }: { trainPerClass: number; testPerClass: number },
): Entry[] {
  const digits = Math.max(4, String(trainPerClass + testPerClass).length);
  return species.flatMap((one, i) =>
    Array.from({ length: trainPerClass + testPerClass }, (_, index) => {
      const number = String(index + 1).padStart(digits, '0');
      const stem = `${className(species, i)}/${fileName(one)}_${number}`;
      return { species: i, index, train: index < trainPerClass, stem };
    }),
  );
}

/** Path -> content of every text file. `labels` are 0-based and may be noisy. */
export function textFiles(
  species: readonly Species[],
  entries: readonly Entry[],
  { annotations, labels }: { annotations: readonly Annotation[]; labels: readonly number[] },
): Record<string, string> {
  const perEntry = (text: (entry: Entry, i: number) => string) =>
    lines(entries.map((entry, i) => `${i + 1} ${text(entry, i)}`));
  return {
    'classes.txt': lines(species.map((_, i) => `${i + 1} ${className(species, i)}`)),
    'hierarchy.txt': lines(species.map(({ genus }, i) => `${i + 1} ${genus}`)),
    'images.txt': perEntry(({ stem }) => `${stem}.jpg`),
    'image_class_labels.txt': perEntry((_, i) => `${labels[i] + 1}`),
    'true_labels.txt': perEntry((entry) => `${entry.species + 1}`),
    'train_test_split.txt': perEntry(({ train }) => (train ? '1' : '0')),
    'bounding_boxes.txt': perEntry((_, i) => annotations[i].box.map(decimal).join(' ')),
    'attributes/attributes.txt': lines(attributeNames.map((name, i) => `${i + 1} ${name}`)),
    'attributes/class_attribute_labels_continuous.txt': lines(
      species.map(({ marks }) =>
        attributesOf(marks)
          .map((has) => (has ? '100.0' : '0.0'))
          .join(' '),
      ),
    ),
    'parts/parts.txt': lines(PART_NAMES.map((name, i) => `${i + 1} ${name}`)),
    'parts/part_locs.txt': lines(annotations.flatMap(({ parts }, i) => partLines(parts, i + 1))),
  };
}

function partLines(parts: readonly PartPoint[], image: number): string[] {
  return parts.map(
    ({ x, y, visible }, i) => `${image} ${i + 1} ${decimal(x)} ${decimal(y)} ${visible ? 1 : 0}`,
  );
}

function fileName({ name }: Species): string {
  return name.replaceAll(' ', '_');
}

function decimal(value: number): string {
  return value.toFixed(1);
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
