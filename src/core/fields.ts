// What an image brings into a batch besides its pixels and its class. A stage names its fields, the
// loader delivers them as the view shows them, and the stage's graph asks for them.

import { fail } from './errors.ts';
import type { Box, Example, Supervision } from './example.ts';
import { type Shape, sizeOf } from './shape.ts';
import { mapBox, mapParts, type View } from './view.ts';

/** What decides the shapes of fields. */
export interface FieldSpace {
  readonly classes: number;
  /** Side of the views, in pixels. */
  readonly size: number;
  /** The dataset's parts, where it has some. */
  readonly parts?: PartSpace;
}

export interface PartSpace {
  readonly names: readonly string[];
  /** Pairs of parts that a mirror image exchanges. */
  readonly swaps: readonly (readonly [number, number])[];
}

/** How one image is seen. */
export interface SeenImage extends FieldSpace {
  readonly view: View;
  /** The mask under the view, [size, size], 255 is the object; for fields that need masks. */
  readonly mask?: Uint8Array;
}

interface CommonField {
  /** Unique among the fields of a stage. */
  readonly name: string;
  /** Of one image. */
  readonly shape: (space: FieldSpace) => Shape;
  /** What the examples must have. */
  readonly needs: readonly Supervision[];
  /** Whether rows of mixed images may be blended like the images. Default: they may not. */
  readonly blends?: boolean;
}

/** A field whose numbers follow the view: crop, mirror image, erased rectangle. */
export interface ViewField extends CommonField {
  readonly viewless?: false;
  /** The numbers of one image, in the order of the shape. */
  readonly numbers: (example: Example, seen: SeenImage) => ArrayLike<number>;
}

/** A field that is the same however the image is seen: stages on cached features can have it too. */
export interface ViewlessField extends CommonField {
  readonly viewless: true;
  readonly numbers: (example: Example, space: FieldSpace) => ArrayLike<number>;
}

/** One field. It becomes a graph input of its own, float32 [N, ...shape]. */
export type Field = ViewField | ViewlessField;

/** Name of the graph input of a field. */
export function fieldInput(name: string): string {
  return `field:${name}`;
}

/**
 * The object's box, [5]: left, top, width and height in shares of the view, and 1; zeros where nothing
 * of it is in the view.
 */
export const boxField: ViewField = {
  name: 'box',
  shape: () => [5],
  needs: ['box'],
  numbers: ({ box }, seen) => boxRow(box, seen),
};

/** Part points, [P, 3]: x and y in shares of the view, and 1 where the part is visible in it; else zeros. */
export const partsField: ViewField = {
  name: 'parts',
  shape: ({ parts }) => [parts?.names.length ?? 0, 3],
  needs: ['parts'],
  numbers: ({ parts = [] }, { view, size, parts: space }) =>
    mapParts(parts, space?.swaps ?? [], view, size).flatMap(({ x, y, visible }) => [
      x / size,
      y / size,
      Number(visible),
    ]),
};

/** Boxes of parts, [P, 5], each as the object's; a mirror image exchanges them like the points. */
export const partBoxesField: ViewField = {
  name: 'partBoxes',
  shape: ({ parts }) => [parts?.names.length ?? 0, 5],
  needs: ['partBoxes'],
  numbers: ({ partBoxes = [] }, seen) => {
    const rows = partBoxes.map((box) => boxRow(box, seen));
    if (seen.view.flip) {
      for (const [a, b] of seen.parts?.swaps ?? []) [rows[a], rows[b]] = [rows[b], rows[a]];
    }
    return rows.flat();
  },
};

/** The object's mask, [S, S]: 1 where it is, 0 where it is not or was erased. */
export const maskField: ViewField = {
  name: 'mask',
  shape: ({ size }) => [size, size],
  needs: ['mask'],
  numbers: (_, { mask, size }) =>
    Float32Array.from(mask ?? new Uint8Array(size ** 2), (v) => v / 255),
  blends: true,
};

/** All classes that the image shows, [K]: 1 for each of them, its label among them. */
export const allLabelsField: ViewlessField = {
  name: 'allLabels',
  shape: ({ classes }) => [classes],
  needs: ['labels'],
  numbers: ({ label, furtherLabels = [] }, { classes }) => {
    const row = new Float32Array(classes);
    for (const one of [label, ...furtherLabels]) row[one] = 1;
    return row;
  },
  blends: true,
  viewless: true,
};

function boxRow(box: Box | undefined, { view, size }: SeenImage): number[] {
  const [x, y, width, height] = (box && mapBox(box, view, size)) ?? [0, 0, 0, 0];
  const isThere = width > 0 && height > 0;
  return isThere ? [x / size, y / size, width / size, height / size, 1] : [0, 0, 0, 0, 0];
}

/** The numbers of a batch of `size` rows, [size, ...shape], from those of its first images. */
export function fieldRows(
  field: Field,
  space: FieldSpace,
  rows: readonly ArrayLike<number>[],
  size = rows.length,
): Float32Array {
  const width = sizeOf(field.shape(space));
  const out = new Float32Array(size * width);
  rows.forEach((row, i) => {
    if (row.length !== width) throw wrongWidth(field.name, width, row.length);
    out.set(row, i * width);
  });
  return out;
}

function wrongWidth(name: string, expected: number, got: number) {
  return fail('FM_DATASET', `field '${name}'`, {
    expected: `${expected} numbers for each image`,
    got: String(got),
    next: 'Annotate all images alike: one entry for each part of the dataset.',
  });
}
