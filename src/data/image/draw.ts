// Drawing on pixels: heat maps, masks, boxes and the composition of panels. Every function returns
// a new picture. No text (that is SVG: recognise/evidence-caption.ts) and no sharp: browser-safe.
import type { Box } from '../../core/example.ts';
import type { RawImage } from '../../core/raw-image.ts';
import {
  type Colour,
  type ColourMapName,
  colourOf,
  type FieldMap,
  normaliseMap,
  spreadMap,
} from './heat-map.ts';

/** A picture of one colour. */
export function plainImage(width: number, height: number, colour: Colour): RawImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3];
  return { width, height, data };
}

export interface HeatOptions {
  readonly colours?: ColourMapName;
  /** Opacity of the hottest spot, 0 to 1. The coolest is transparent; default 0.8. */
  readonly opacity?: number;
}

/**
 * Lays a heat map over the part of the picture it was computed from. The map is scaled by its own
 * least and largest value; opacity rises smoothly from nothing at 0.15 to all of `opacity` at 0.75,
 * so that cool parts show the photograph.
 */
export function overlayHeatMap(
  image: RawImage,
  map: FieldMap,
  region: Box,
  { colours = 'inferno', opacity = 0.8 }: HeatOptions = {},
): RawImage {
  const data = Uint8Array.from(image.data);
  const heat = spreadMap(normaliseMap(map), region, image);
  const table = Array.from({ length: 256 }, (_, i) => colourOf(i / 255, colours));
  heat.forEach((value, p) => {
    if (value > 0.15) blend(data, p, table[Math.round(value * 255)], opacity * smoothStep(value));
  });
  return { width: image.width, height: image.height, data };
}

/** What speaks for one of two answers, and for the other: told apart by all kinds of eyes. */
export const FOR: Colour = [255, 122, 20];
export const AGAINST: Colour = [28, 96, 224];

/**
 * Lays a map of signed values over the part of the picture it was computed from: `FOR` where it is
 * above zero, `AGAINST` below. Opacity is in proportion to the size of the value, and `opacity` (0.75)
 * where that is largest; what is below a tenth of it is not drawn.
 */
export function overlayDifference(
  image: RawImage,
  map: FieldMap,
  region: Box,
  { opacity = 0.75 }: Pick<HeatOptions, 'opacity'> = {},
): RawImage {
  const data = Uint8Array.from(image.data);
  const largest = Array.from(map.data).reduce((most, v) => Math.max(most, Math.abs(v)), 0) || 1;
  spreadMap(map, region, image).forEach((value, p) => {
    const size = Math.abs(value) / largest;
    if (size > 0.1) blend(data, p, value > 0 ? FOR : AGAINST, opacity * size);
  });
  return { width: image.width, height: image.height, data };
}

/** 3 t^2 - 2 t^3 with t from 0 at 0.15 to 1 at 0.75. */
function smoothStep(value: number): number {
  const t = Math.min(1, (value - 0.15) / 0.6);
  return t * t * (3 - 2 * t);
}

export interface MaskOptions {
  /** How much of the picture outside the mask is taken away, 0 to 1; default 0.65. */
  readonly dim?: number;
  /** Outline, default a warm yellow 2 pixels wide; 0 pixels draws none. */
  readonly colour?: Colour;
  readonly thickness?: number;
}

/** Outline of masks and boxes that reads on feathers, foliage and sky alike. */
export const ACCENT: Colour = [255, 196, 0];

const DIM_TO: Colour = [18, 20, 24];

/**
 * Shows a mask of cells (1 inside, 0 outside) that lies over `region`: the picture outside it is
 * darkened, its border outlined. The border is where the bilinear mask crosses one half, which is
 * the border of the cells with rounded corners.
 */
export function overlayMask(
  image: RawImage,
  mask: FieldMap,
  region: Box,
  { dim = 0.65, colour = ACCENT, thickness = 2 }: MaskOptions = {},
): RawImage {
  const data = Uint8Array.from(image.data);
  const inside = Uint8Array.from(spreadMap(mask, region, image), (v) => (v >= 0.5 ? 1 : 0));
  inside.forEach((set, p) => {
    if (set === 0) blend(data, p, DIM_TO, dim);
    else if (touchesOutside(inside, p, image, thickness)) blend(data, p, colour, 1);
  });
  return { width: image.width, height: image.height, data };
}

/** True when a pixel outside the mask is nearer than `reach` to pixel p of the mask. */
function touchesOutside(
  inside: Uint8Array,
  p: number,
  { width, height }: RawImage,
  reach: number,
): boolean {
  const x = p % width;
  const y = (p - x) / width;
  const r = Math.ceil(reach);
  for (let dy = -r; dy <= r; dy++) {
    for (let dx = -r; dx <= r; dx++) {
      const [nx, ny] = [x + dx, y + dy];
      if (dx * dx + dy * dy > reach * reach || nx < 0 || ny < 0 || nx >= width || ny >= height) {
        continue;
      }
      if (inside[ny * width + nx] === 0) return true;
    }
  }
  return false;
}

export interface StrokeOptions {
  readonly colour?: Colour;
  /** Pixels, drawn inwards from the border; default 3. */
  readonly thickness?: number;
}

/**
 * Draws the border of a box, with a thin dark line on either side so that it shows on light and
 * dark ground. What lies outside the picture is pulled to its edge.
 */
export function strokeBox(
  image: RawImage,
  box: Box,
  { colour = ACCENT, thickness = 3 }: StrokeOptions = {},
): RawImage {
  const data = Uint8Array.from(image.data);
  const left = clampRound(box[0], image.width);
  const top = clampRound(box[1], image.height);
  const right = clampRound(box[0] + box[2], image.width) - 1;
  const bottom = clampRound(box[1] + box[3], image.height) - 1;
  for (let y = Math.max(0, top - 1); y <= Math.min(image.height - 1, bottom + 1); y++) {
    for (let x = Math.max(0, left - 1); x <= Math.min(image.width - 1, right + 1); x++) {
      // 0 on the outermost line of the stroke, negative outside the box
      const depth = Math.min(x - left, right - x, y - top, bottom - y);
      if (depth >= 0 && depth < thickness) blend(data, y * image.width + x, colour, 1);
      else if (depth === -1 || depth === thickness) blend(data, y * image.width + x, DIM_TO, 0.45);
    }
  }
  return { width: image.width, height: image.height, data };
}

function clampRound(value: number, limit: number): number {
  return Math.min(limit, Math.max(0, Math.round(value)));
}

function blend(data: Uint8Array, pixel: number, colour: Colour, alpha: number): void {
  const at = pixel * 3;
  for (let c = 0; c < 3; c++) {
    data[at + c] = Math.round(data[at + c] + alpha * (colour[c] - data[at + c]));
  }
}

export interface LayoutOptions {
  /** Pixels between neighbours; default 0. */
  readonly gap?: number;
  /** Pixels around all of them; default 0. */
  readonly margin?: number;
  /** Colour between and around; default white. */
  readonly background?: Colour;
}

const WHITE: Colour = [255, 255, 255];

/** Places pictures in a row, centred on one another. */
export function sideBySide(images: readonly RawImage[], options: LayoutOptions = {}): RawImage {
  const { gap = 0, margin = 0, background = WHITE } = options;
  const height = Math.max(0, ...images.map((image) => image.height));
  const width = sum(images.map((image) => image.width)) + gap * Math.max(0, images.length - 1);
  const canvas = plainImage(width + 2 * margin, height + 2 * margin, background);
  let x = margin;
  for (const image of images) {
    paste(canvas, image, x, margin + Math.floor((height - image.height) / 2));
    x += image.width + gap;
  }
  return canvas;
}

/** A picture in the middle of a white cell of that width, which is not below its own. */
export function centred(image: RawImage, width: number): RawImage {
  const left = Math.floor((width - image.width) / 2);
  const white = (columns: number) => plainImage(columns, image.height, WHITE);
  return sideBySide([white(left), image, white(width - image.width - left)]);
}

/** Places pictures in a column, flush left. */
export function stacked(images: readonly RawImage[], options: LayoutOptions = {}): RawImage {
  const { gap = 0, margin = 0, background = WHITE } = options;
  const width = Math.max(0, ...images.map((image) => image.width));
  const height = sum(images.map((image) => image.height)) + gap * Math.max(0, images.length - 1);
  const canvas = plainImage(width + 2 * margin, height + 2 * margin, background);
  let y = margin;
  for (const image of images) {
    paste(canvas, image, margin, y);
    y += image.height + gap;
  }
  return canvas;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Copies `image` into a canvas that has room for it. */
function paste(canvas: RawImage, image: RawImage, left: number, top: number): void {
  for (let y = 0; y < image.height; y++) {
    const line = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    canvas.data.set(line, ((top + y) * canvas.width + left) * 3);
  }
}
