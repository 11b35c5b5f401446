// The record types that datasets produce and methods, training and evaluation consume.

/** `[x, y, width, height]` in pixels of the upright image, 0-based, float. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/** A part point in pixels of the upright image. Invisible parts keep `visible: false` and 0, 0. */
export interface PartPoint {
  readonly x: number;
  readonly y: number;
  readonly visible: boolean;
}

export type Split = 'train' | 'val' | 'test';

/** One labelled photograph. */
export interface Example {
  /** Unique within the dataset and stable between loads: the path relative to the dataset. */
  readonly id: string;
  /** Absolute path of the image. */
  readonly path: string;
  /** Index into `Dataset.classes`. */
  readonly label: number;
  readonly split: Split;
  readonly box?: Box;
  /** One point per entry of `Dataset.partNames`. */
  readonly parts?: readonly PartPoint[];
  /** Boxes of the parts, one per entry of `Dataset.partNames`; undefined where one is not seen. */
  readonly partBoxes?: readonly (Box | undefined)[];
  /** Absolute path of a mask image: white is the object. */
  readonly maskPath?: string;
  /** Further classes that the photograph shows, as indices into `Dataset.classes`. */
  readonly furtherLabels?: readonly number[];
  /** How much it counts in a loss, beside the others' 1; at least 0. Default: 1. */
  readonly weight?: number;
  /** The number that the dataset itself gives to this image, as text (leading zeros survive). */
  readonly originalIndex?: string;
  /** Examples with the same group (same specimen, photo burst) never straddle splits. */
  readonly group?: string;
}

/** What a dataset can supervise. A method states what it needs in the same words. */
export type Supervision = 'labels' | 'box' | 'parts' | 'partBoxes' | 'mask' | 'hierarchy';

/** The levels above the classes: `levels[0]` is the coarsest. */
export interface HierarchyLevel {
  /** `order`, `genus`, `coarse` ... */
  readonly name: string;
  readonly names: readonly string[];
  /** For each class of the dataset, its index in `names`. */
  readonly ofClass: readonly number[];
}

/** What classes look like, in words: one row of CUB's table of attributes for each. */
export interface ClassAttributes {
  /** `has_crown_color::black` ... */
  readonly names: readonly string[];
  /** For each class, whether it has each attribute. */
  readonly ofClass: readonly (readonly boolean[])[];
}

export interface Dataset {
  /** Short name, used for run folders: `CUB_200_2011-first10`. */
  readonly name: string;
  /** Which loader read it: `cub200 | grocery | csv | folder`. */
  readonly format: string;
  readonly root: string;
  readonly classes: readonly string[];
  readonly examples: readonly Example[];
  /** What every training example has. */
  readonly supervision: readonly Supervision[];
  /** Levels above the classes, coarsest first; absent when labels are flat. */
  readonly hierarchy?: readonly HierarchyLevel[];
  readonly attributes?: ClassAttributes;
  readonly partNames?: readonly string[];
  /** `partNames` index pairs that a horizontal flip exchanges. */
  readonly partSwaps?: readonly (readonly [number, number])[];
  /** A sentence on what the images may be used for, carried into models trained on them. */
  readonly licence?: string;
  /** For people: what was understood where it was not plain, and what was left out. */
  readonly notes?: readonly string[];
}
