// Field marks as shapes. A mark sits on one limb and is never larger than 3 % of the bird's box.

import { ellipse, type Point, polygon } from './affine.ts';
import { EYE, type Limb, tailEdge } from './anatomy.ts';
import { BLACK, type Colour, WHITE } from './colour.ts';
import type { FieldMarks } from './field-marks.ts';
import type { Shape } from './shapes.ts';

const MARK_COLOURS: Readonly<Record<string, Colour>> = {
  black: BLACK,
  white: WHITE,
  red: [0.86, 0.1, 0.09],
  yellow: [0.98, 0.8, 0.1],
  orange: [0.97, 0.48, 0.05],
  ivory: [0.95, 0.89, 0.72],
  dark: [0.16, 0.14, 0.15],
};

/** The colour a mark value names. */
export function markColour(value: string): Colour {
  return MARK_COLOURS[value];
}

const CROWN =
  'M6.2,-25 C8,-32.5 14.5,-37.6 22.5,-37.6 C30,-37.6 35.5,-33.6 37.4,-28 C31,-31.5 15,-32.5 6.2,-25 Z';
const BROW = 'M9,-24 C15,-31 27,-32.2 36.8,-27.5 L36.4,-24.8 C27,-28.6 17,-28 9,-24 Z';
const MASK =
  'M37.8,-26.2 C30,-27.4 22,-27.2 9.5,-21.6 C10,-18.6 12,-17.4 16,-17.8 C24,-18.6 31,-18.6 37.2,-20.6 Z';
const CHEEK: Point = [18, -14];
const THROAT =
  'M37,-18.5 C30,-17.6 26.4,-13.5 25.4,-6.4 C28.4,-5.6 31,-7 33.4,-9.4 C36.4,-12.4 37.4,-15.5 37,-18.5 Z';
const SHOULDER =
  'M19.5,-4.5 C15,-10.5 7,-9.5 1.5,-6 C6,-1 13,2 20,0.5 C20.6,-1 20.4,-3 19.5,-4.5 Z';
const RUMP =
  'M-17.5,-3.4 C-24.2,3.8 -29.3,12.4 -31.6,20.6 C-29,21.4 -26.8,21 -25,20 C-22.4,14.6 -17.4,8.2 -12.6,3.6 C-13.2,0.6 -15,-2 -17.5,-3.4 Z';
const FIRST_BAR = 'M-8.6,3.6 L-5.6,-0.2 C1.2,4 7.2,10.2 11,15.9 L7.2,19 C3,12.5 -3,7.2 -8.6,3.6 Z';
const SECOND_BAR =
  'M1.5,-5.6 L4.9,-7.6 C11,-4.2 15.7,1.1 18.4,6.7 L16,10.2 C13,4 8,-1.5 1.5,-5.6 Z';
const FLIGHT =
  'M-3,12.6 L1.8,17.2 C-6,23 -14,27.2 -24.5,30.6 L-25.6,28.4 C-16.5,24.2 -9,19.2 -3,12.6 Z';
const BAND = 'M17.5,1 C23,6.5 29.5,8 35.6,5.2 L34,11.4 C27,14 20,12 14.2,6.6 Z';

/** Shapes on the body, under the wing. */
export function bodyMarks({ breast, rump }: FieldMarks): Shape[] {
  const shapes: Shape[] = rump === 'plain' ? [] : [{ path: RUMP, fill: markColour(rump) }];
  if (breast === 'band') shapes.push({ path: BAND, fill: BLACK });
  if (breast === 'streaks') shapes.push({ path: STREAKS, stroke: BLACK, width: 2.1 });
  if (breast === 'spots') shapes.push({ path: SPOTS, fill: BLACK });
  return shapes;
}

const STREAKS = (
  [
    [23, -3],
    [28, -3.5],
    [33, -2],
    [20.5, 5],
    [25.5, 6],
    [30.5, 6],
    [19, 14],
    [24, 15],
  ] as Point[]
)
  .map(([x, y]) => `M${x},${y - 2.6} L${x - 1.4},${y + 2.6}`)
  .join(' ');

const SPOTS = (
  [
    [22, -2],
    [28, -3],
    [33, 0],
    [19, 5],
    [25, 5],
    [31, 7],
    [17, 13],
    [22.5, 13],
    [27.5, 14],
  ] as Point[]
)
  .map((centre) => ellipse(centre, 2.1, 2.1))
  .join(' ');

/** Shapes on the folded wing (body coordinates). */
export function wingMarks({ shoulder, wing, flight }: FieldMarks): Shape[] {
  const bars = { plain: [], bar: [FIRST_BAR], bars: [FIRST_BAR, SECOND_BAR] }[wing];
  const paths = flight === 'plain' ? bars : [...bars, FLIGHT];
  const shapes: Shape[] = paths.map((path) => ({ path, fill: WHITE }));
  if (shoulder !== 'plain') shapes.push({ path: SHOULDER, fill: markColour(shoulder) });
  return shapes;
}

/** Shapes on the head, under the eye. */
export function headMarks({ cheek, throat, crown, eye }: FieldMarks): Shape[] {
  const shapes: Shape[] = [];
  if (throat !== 'plain') shapes.push({ path: THROAT, fill: markColour(throat) });
  if (cheek !== 'plain')
    shapes.push({ path: ellipse(CHEEK, 7, 4.6, -18), fill: markColour(cheek) });
  if (crown !== 'plain') shapes.push({ path: CROWN, fill: markColour(crown) });
  if (eye === 'mask') shapes.push({ path: MASK, fill: BLACK });
  if (eye === 'brow') shapes.push({ path: BROW, fill: WHITE });
  if (eye === 'ring') shapes.push({ path: ellipse(EYE, 6.1, 5.8), fill: WHITE });
  return shapes;
}

/** Shapes on the tail. */
export function tailMarks({ tail, tailShape }: FieldMarks): Shape[] {
  const edge = tailEdge(tailShape);
  const stripe = (from: number, to: number) =>
    polygon(...shift(edge, to), ...shift(edge, from).reverse());
  const side = (sign: 1 | -1) => {
    const [[x, y], [u, v]] = edge;
    const along = 3.4 / (v - y);
    const inner: Point = [x + along * (u - x), -(y + 3.4) * sign];
    return polygon([-6, 6 * sign], [x, -y * sign], inner, [-6, 3 * sign]);
  };
  if (tail === 'tip') return [{ path: stripe(0, 7.5), fill: WHITE }];
  if (tail === 'band') return [{ path: stripe(11, 18), fill: WHITE }];
  if (tail === 'edges') return [{ path: `${side(1)} ${side(-1)}`, fill: WHITE }];
  return [];
}

/** The hind edge moved towards the root, where the tail is a little narrower. */
function shift(edge: readonly Point[], by: number): Point[] {
  return edge.map(([x, y]) => [x + by, y * (1 - by * 0.009)]);
}

/** Every limb that carries marks and how to draw them there, for placing occluders. */
export const markLayers: readonly (readonly [Limb, (marks: FieldMarks) => Shape[]])[] = [
  ['tail', tailMarks],
  ['body', bodyMarks],
  ['body', wingMarks],
  ['head', headMarks],
];
