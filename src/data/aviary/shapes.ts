// What a picture is made of: filled or stroked paths in pixels, back to front, and their SVG text.

import { type Affine, movePath, type Point, round, scaleOf } from './affine.ts';
import { type Colour, css, type Lighting } from './colour.ts';

/** A colour ramp: from a point to a point, or from the first point outwards for `radial`. */
export interface Gradient {
  readonly kind: 'linear' | 'radial';
  readonly from: Point;
  readonly to: Point;
  /** Place in [0, 1], colour, opacity. */
  readonly stops: readonly (readonly [number, Colour, number?])[];
}

export type Paint = Colour | Gradient;

/** One path. `stroke` is drawn with round caps and joints, `width` in the path's own units. */
export interface Shape {
  readonly path: string;
  readonly fill?: Paint;
  readonly stroke?: Colour;
  readonly width?: number;
  readonly opacity?: number;
}

/** A straight ramp between two colours. */
export function ramp(from: Point, to: Point, first: Colour, last: Colour): Gradient {
  return {
    kind: 'linear',
    from,
    to,
    stops: [
      [0, first],
      [1, last],
    ],
  };
}

/** Moves shapes; stroke widths and gradients follow. */
export function moveShape(map: Affine, shape: Shape): Shape {
  const path = movePath(map, shape.path);
  return shape.width === undefined
    ? { ...shape, path }
    : { ...shape, path, width: shape.width * scaleOf(map) };
}

/** A whole SVG document of `size` x `size` user units. */
export function svgDocument(size: number, shapes: readonly Shape[], light: Lighting): string {
  const definitions: string[] = [];
  const body = shapes.map((shape) => shapeElement(shape, light, definitions)).join('');
  const defs = definitions.length > 0 ? `<defs>${definitions.join('')}</defs>` : '';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" ` +
    `viewBox="0 0 ${size} ${size}">${defs}${body}</svg>`
  );
}

function shapeElement(shape: Shape, light: Lighting, definitions: string[]): string {
  const fill = shape.fill === undefined ? 'none' : paintText(shape.fill, light, definitions);
  let attributes = `d="${shape.path}" fill="${fill}"`;
  if (shape.stroke !== undefined) {
    attributes +=
      ` stroke="${css(shape.stroke, light)}" stroke-width="${round(shape.width ?? 1)}"` +
      ' stroke-linecap="round" stroke-linejoin="round"';
  }
  if (shape.opacity !== undefined) attributes += ` opacity="${round(shape.opacity)}"`;
  return `<path ${attributes}/>`;
}

function paintText(paint: Paint, light: Lighting, definitions: string[]): string {
  if (!('kind' in paint)) return css(paint, light);
  const id = `g${definitions.length}`;
  const stops = paint.stops.map(
    ([offset, colour, opacity]) =>
      `<stop offset="${round(offset)}" stop-color="${css(colour, light)}"` +
      `${opacity === undefined ? '' : ` stop-opacity="${round(opacity)}"`}/>`,
  );
  const name = `${paint.kind}Gradient`;
  definitions.push(
    `<${name} id="${id}" gradientUnits="userSpaceOnUse" ${placeText(paint)}>` +
      `${stops.join('')}</${name}>`,
  );
  return `url(#${id})`;
}

function placeText({ kind, from, to }: Gradient): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(round);
  if (kind === 'linear') return `x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"`;
  return `cx="${x1}" cy="${y1}" r="${round(Math.hypot(x2 - x1, y2 - y1))}"`;
}
