// The shape of a bird that faces right, in bird units: about 105 long, 85 high, y downwards.
// Every closed path runs clockwise, so that joined outlines have no holes.

import {
  type Affine,
  compose,
  type Point,
  polygon,
  rotation,
  scaling,
  translation,
} from './affine.ts';
import type { FieldMarks } from './field-marks.ts';

/** How a bird stands in its picture. Angles in degrees, 0 the neutral stance. */
export interface Pose {
  /** 1: faces right, -1: faces left. */
  readonly facing: 1 | -1;
  readonly tilt: number;
  readonly head: number;
  readonly tail: number;
  /** How far the near foot stands before the far one, in bird units. */
  readonly stride: number;
  /** Body height over its neutral height. */
  readonly girth: number;
  /** Pixels per bird unit. */
  readonly scale: number;
  /** Where the bird's origin (the middle of its body) lies, in pixels. */
  readonly x: number;
  readonly y: number;
}

/** The moving parts; each has its own coordinates. */
export type Limb = 'stand' | 'body' | 'head' | 'tail';

/** From each limb's coordinates to pixels. */
export type Frames = Readonly<Record<Limb, Affine>>;

const NECK: Point = [18, -15];
const TAIL_ROOT: Point = [-25, 18];
const TAIL_SLOPE = -36;

/** The maps from each limb to the picture. `stand` moves with the bird but does not tilt. */
export function framesOf(pose: Pose): Frames {
  const place = translation(pose.x, pose.y);
  const stand = compose(place, scaling(pose.scale * pose.facing, pose.scale));
  const body = compose(stand, compose(rotation(pose.tilt), scaling(1, pose.girth)));
  const root = translation(...TAIL_ROOT);
  return {
    stand,
    body,
    head: compose(body, rotation(pose.head, NECK)),
    tail: compose(body, compose(root, rotation(TAIL_SLOPE + pose.tail))),
  };
}

export const BODY: string =
  'M6,-25 C14,-30 27,-27 33,-18 C35.5,-14 36.5,-9 36,-3 C35.5,11 27,24 13,29 C4,32 -8,31 -17,27 ' +
  'C-23,26 -28,25 -32,22 C-31,16 -28,9 -22,1 C-14,-9 -2,-19 6,-25 Z';

/** The paler side from chin to vent. */
export const UNDERSIDE: string =
  'M34.5,-15 C36,-11 36.5,-7 36,-3 C35.5,11 27,24 13,29 C4,32 -8,31 -17,27 C-20,26.5 -24,25.7 -28,24 ' +
  'C-12,25 4,22 12,10 C17,2 20,-8 34.5,-15 Z';

export const HEAD: string =
  'M5.5,-21 C6,-31 13.5,-37.5 22.5,-37.5 C31,-37.5 37,-32 38,-25 C38.5,-19.5 37.5,-14 33,-9 ' +
  'C26,-3 6,-5 5.5,-21 Z';

export const WING: string =
  'M20,-4 C14,-12 1,-9 -8,3 C-15,13 -24,24 -34,34 C-22,33 -6,29 7,19 C17,11 23,3 20,-4 Z';

/** Edges of the flight feathers, drawn as thin lines on the wing. */
export const FEATHERS: readonly string[] = [
  'M-31,32 C-20,25 -8,18 2,12',
  'M-29,29 C-20,21 -11,13 -4,7',
  'M-26,31.5 C-14,28 -2,22 6,15',
];

export const EYE: Point = [28.5, -23];
export const EYE_RADIUS = 3.3;

/** The bill from the forehead to the chin, with the line of its gape. */
export function billPath(shape: FieldMarks['billShape']): string {
  if (shape === 'stout') {
    return 'M34.4,-32 C43,-32 49.5,-27.5 52,-19.5 C47.5,-16.4 41.5,-15.6 36.6,-15.8 Z';
  }
  return 'M37,-25.4 C45,-25 53,-23.2 60,-19.4 C53,-20 45,-20.4 37.4,-20.6 Z';
}

export function gapePath(shape: FieldMarks['billShape']): string {
  return shape === 'stout'
    ? 'M37,-22.6 C41,-23.2 46.5,-22.2 51,-20'
    : 'M37,-23 C45,-22.8 53,-21.8 59,-19.9';
}

/** The tail's hind edge, from its upper to its lower corner, tail coordinates (root at 0, 0). */
export function tailEdge(shape: FieldMarks['tailShape']): readonly Point[] {
  const square: Point[] = [
    [-31, -7.5],
    [-33, -3.5],
    [-33, 3.5],
    [-31, 7.5],
  ];
  const forked: Point[] = [
    [-38, -9.5],
    [-24, -0.5],
    [-24, 0.5],
    [-38, 9.5],
  ];
  return shape === 'square' ? square : forked;
}

export function tailPath(shape: FieldMarks['tailShape']): string {
  return polygon([4, -5.5], [4, 5.5], ...[...tailEdge(shape)].reverse());
}

/** Both feet on the ground or perch: the hip (body), and the foot (stand), near leg first. */
export function legsOf(pose: Pose): readonly { hip: Point; foot: Point }[] {
  return [
    { hip: [3, 27], foot: [4 + pose.stride, FOOT_LEVEL] },
    { hip: [12, 27], foot: [13 - pose.stride, FOOT_LEVEL] },
  ];
}

/** Height of the soles in stand coordinates. */
export const FOOT_LEVEL = 43;

/** Where each of CUB's parts is; `near` and `far` parts are left or right depending on the facing. */
export const LANDMARKS: Readonly<Record<string, readonly [Limb, Point]>> = {
  back: ['body', [-8, -10]],
  beak: ['head', [44, -22]],
  belly: ['body', [12, 24]],
  breast: ['body', [31, 4]],
  crown: ['head', [22, -35.5]],
  forehead: ['head', [34.5, -31]],
  nape: ['head', [8.5, -25]],
  tail: ['tail', [-24, 0]],
  throat: ['head', [32, -12]],
  nearEye: ['head', EYE],
  nearWing: ['body', [-2, 10]],
};
