// A training photograph beside the one that is explained, and which of their places look alike.

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { decodePhoto } from '../data/image/decode.ts';
import type { ImageSize } from '../data/image/preprocess.ts';
import type { CellAxis, CellGrid } from '../nn/receptive-field.ts';
import { locationPairs } from './location-pairs.ts';
import type { Evidence, Prediction, Recogniser } from './recogniser.ts';

/** A training photograph of a class, as `explain` is told of it. */
export interface FoundPhoto {
  readonly path: string;
  /** Cosine of its descriptor and the explained photograph's. */
  readonly similarity: number;
  /** The object's box, for models that look within it. */
  readonly within?: Box;
}

/** Finds the nearest training photograph of a class; may find none. */
export type FindPhoto = (
  prediction: Prediction,
  className: string,
) => Promise<FoundPhoto | undefined>;

/** A place of the explained photograph and one of the known photograph. */
export interface PlacePair {
  /** A cell of the map that is compared, in pixels of the upright photograph, clipped to it. */
  readonly query: Box;
  readonly example: Box;
  /** Share of the weighted kernel of the two photographs, 0..1. */
  readonly share: number;
}

/** A training photograph that is drawn beside the explained one. */
export interface KnownPhoto {
  readonly path: string;
  readonly image: RawImage;
  readonly similarity: number;
  /** What looks alike, strongest first; absent for models that do not tell (`comparesPlaces`). */
  readonly pairs?: readonly PlacePair[];
}

/** Pairs that are drawn: as many as there are colours that all eyes tell apart. */
const PAIRS = 5;

/** Whether a model tells which places it compares, and where they are. */
export function comparesPlaces({ manifest }: Recogniser): boolean {
  return manifest.descriptorGrid !== undefined;
}

/** The photograph that is explained. */
export interface Explained {
  readonly image: ImageSize;
  readonly prediction: Prediction;
  /** 1 where the heat is what speaks for the class of the known photograph, -1 where against it. */
  readonly side: 1 | -1;
}

/**
 * Opens a photograph that was found, and pairs its places with those of the explained photograph
 * that spoke for its class. Places l and m count h_l <x_l, y_m>^2: their part of the kernel by which
 * bilinear pooling compares the two photographs, times what l adds to the score, where that is more
 * than nought. (Without the heat the brightest places come first, whatever the class.)
 */
export async function knownPhoto(
  recogniser: Recogniser,
  { image: explained, prediction, side }: Explained,
  { path, similarity, within }: FoundPhoto,
): Promise<KnownPhoto> {
  const image = await decodePhoto(path);
  if (!comparesPlaces(recogniser)) return { path, image, similarity };
  const { size } = recogniser.geometry;
  const grid = recogniser.manifest.descriptorGrid!;
  const query = prediction.evidence;
  const { evidence: example } = await recogniser.predict(path, { within });
  const weights = heatOfCells(query, grid, size).map((heat) => Math.max(0, side * heat));
  const found = locationPairs(query.descriptors!, example.descriptors!, { top: PAIRS, weights });
  const pairs = found.map((pair) => ({
    query: cellBox(grid, pair.query, { size, crop: query.crop, image: explained }),
    example: cellBox(grid, pair.example, { size, crop: example.crop, image }),
    share: pair.share,
  }));
  return { path, image, similarity, pairs };
}

/** The heat where the centres of the cells of `descriptors` are, row by row. */
function heatOfCells(
  { descriptors, heat, mapSize }: Evidence,
  [rows, columns]: CellGrid,
  size: number,
): number[] {
  const [, , h, w] = descriptors!.shape;
  const at = ({ origin, stride }: CellAxis, i: number, cells: number) =>
    Math.min(Math.max(Math.floor(((origin + i * stride) / size) * cells), 0), cells - 1);
  return Array.from({ length: h * w }, (_, place) => {
    const y = at(rows, Math.floor(place / w), mapSize.h);
    const x = at(columns, place % w, mapSize.w);
    return heat[y * mapSize.w + x];
  });
}

/** What a network sees of a photograph. */
export interface SeenView {
  /** Pixels a side of the network's input, which the grid counts in. */
  readonly size: number;
  /** The part of the photograph that became the input. */
  readonly crop: Box;
  readonly image: ImageSize;
}

/** A cell in pixels of the photograph, as far as it lies in it and in the view. */
export function cellBox(
  [rows, columns]: CellGrid,
  [row, column]: readonly [row: number, column: number],
  { size, crop: [left, top, width, height], image }: SeenView,
): Box {
  const [x, right] = extent(columns, column, size).map((v) =>
    clamp(left + (v / size) * width, image.width),
  );
  const [y, bottom] = extent(rows, row, size).map((v) =>
    clamp(top + (v / size) * height, image.height),
  );
  return [x, y, right - x, bottom - y];
}

function extent({ origin, stride }: CellAxis, i: number, size: number): number[] {
  return [i - 0.5, i + 0.5].map((at) => clamp(origin + at * stride, size));
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}
