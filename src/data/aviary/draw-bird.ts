// One bird as shapes in pixels, back to front: tail, legs, body, wing, head. Also its silhouette.

import { apply, ellipse, movePath, type Point } from './affine.ts';
import {
  BODY,
  billPath,
  EYE,
  EYE_RADIUS,
  FEATHERS,
  type Frames,
  framesOf,
  gapePath,
  HEAD,
  type Limb,
  legsOf,
  type Pose,
  tailPath,
  UNDERSIDE,
  WING,
} from './anatomy.ts';
import { BLACK, type Colour, darken, type Lighting, lighten, mix, WHITE } from './colour.ts';
import { bodyMarks, headMarks, markColour, tailMarks, wingMarks } from './draw-marks.ts';
import type { FieldMarks } from './field-marks.ts';
import type { Plumage } from './plumage.ts';
import { moveShape, type Shape } from './shapes.ts';

/** What a picture of one bird needs to know. */
export interface BirdLook {
  readonly pose: Pose;
  readonly plumage: Plumage;
  readonly lighting: Lighting;
}

/** The bird with the given field marks. */
export function birdShapes({ pose, plumage, lighting }: BirdLook, marks: FieldMarks): Shape[] {
  const frames = framesOf(pose);
  const on = (limb: Limb, ...shapes: Shape[]) => shapes.map((s) => moveShape(frames[limb], s));
  const { upper, under } = plumage;
  return [
    ...legShapes(pose, frames, markColour(marks.legs)),
    ...on('tail', { path: tailPath(marks.tailShape), fill: darken(upper, 0.5) }),
    ...on('tail', { path: 'M0,0 L-22,0', stroke: darken(upper, 0.68), width: 0.9 }),
    ...on('tail', ...tailMarks(marks)),
    ...on('body', { path: BODY, fill: upper }, { path: UNDERSIDE, fill: under }),
    ...on('head', { path: HEAD, fill: upper }),
    ...on('body', ...bodyMarks(marks)),
    ...on('body', { path: WING, fill: darken(upper, 0.36) }, ...featherShapes(upper)),
    ...on('body', ...wingMarks(marks)),
    ...on('head', ...headMarks(marks), ...billShapes(marks), ...eyeShapes()),
    shading(pose, frames, lighting),
  ];
}

function featherShapes(upper: Colour): Shape[] {
  return FEATHERS.map((path) => ({ path, stroke: darken(upper, 0.6), width: 0.9 }));
}

function billShapes({ bill, billShape }: FieldMarks): Shape[] {
  const colour = markColour(bill);
  const gape = bill === 'black' ? lighten(colour, 0.25) : darken(colour, 0.5);
  return [
    { path: billPath(billShape), fill: colour },
    { path: gapePath(billShape), stroke: gape, width: 0.8 },
  ];
}

function eyeShapes(): Shape[] {
  const [x, y] = EYE;
  return [
    { path: ellipse(EYE, EYE_RADIUS, EYE_RADIUS), fill: mix(BLACK, [0.3, 0.15, 0.05], 0.2) },
    { path: ellipse([x + 1.1, y - 1.2], 0.95, 0.95), fill: WHITE },
  ];
}

function legShapes(pose: Pose, frames: Frames, colour: Colour): Shape[] {
  return legPaths(pose, frames).map((path, i) => ({
    path,
    stroke: i === 0 ? darken(colour, 0.25) : colour,
    width: LEG_WIDTH * pose.scale,
  }));
}

const LEG_WIDTH = 2.9;

/** Far leg, then near leg: shank and toes, in pixels. */
function legPaths(pose: Pose, frames: Frames): string[] {
  const text = ([x, y]: Point) => `${x.toFixed(2)},${y.toFixed(2)}`;
  return [...legsOf(pose)].reverse().map(({ hip, foot }) => {
    const toe = (dx: number, dy: number) => text(apply(frames.stand, [foot[0] + dx, foot[1] + dy]));
    const sole = text(apply(frames.stand, foot));
    return (
      `M${text(apply(frames.body, hip))} L${sole} M${toe(-4, 0.6)} L${sole} L${toe(6.5, 0.8)} ` +
      `M${sole} L${toe(4, 2.8)}`
    );
  });
}

/** Light from above: one veil over body, head and tail that darkens towards the ground. */
function shading(pose: Pose, frames: Frames, { side, shade }: Lighting): Shape {
  const reach = 40 * pose.scale;
  const lean = (side - 0.5) * reach;
  const [x, y] = apply(frames.body, [4, -2]);
  const path = `${movePath(frames.body, BODY)} ${movePath(frames.head, HEAD)}`;
  return {
    path,
    fill: {
      kind: 'linear',
      from: [x - lean, y - reach],
      to: [x + lean, y + reach],
      stops: [
        [0, WHITE, shade * 0.5],
        [0.45, WHITE, 0],
        [0.5, BLACK, 0],
        [1, BLACK, shade],
      ],
    },
  };
}

/** The bird's outline in white. */
export function silhouette(pose: Pose, marks: FieldMarks): Shape[] {
  const frames = framesOf(pose);
  const white: Colour = [1, 1, 1];
  const fills: [Limb, string][] = [
    ['tail', tailPath(marks.tailShape)],
    ['body', BODY],
    ['body', WING],
    ['head', HEAD],
    ['head', billPath(marks.billShape)],
  ];
  const legs = legPaths(pose, frames);
  return [
    ...legs.map((path) => ({ path, stroke: white, width: LEG_WIDTH * pose.scale })),
    { path: fills.map(([limb, path]) => movePath(frames[limb], path)).join(' '), fill: white },
  ];
}
