// What the bird stands on: a branch, a post, a rock or the ground. It is behind the bird and never
// hides anything.

import type { RandomStream } from '../../core/random.ts';
import { ellipse, type Point, polygon, round } from './affine.ts';
import { type Colour, darken, hsl, lighten } from './colour.ts';
import { ramp, type Shape } from './shapes.ts';

/** Where a perch is wanted. */
export interface PerchPlace {
  /** Side of the picture in pixels. */
  readonly size: number;
  /** Between the bird's feet. */
  readonly at: Point;
  /** Pixels per bird unit. */
  readonly unit: number;
}

/** Draws something to stand on that reaches the picture's edge. */
export function samplePerch(stream: RandomStream, place: PerchPlace): Shape[] {
  const kind = stream.pick(['branch', 'branch', 'branch', 'post', 'ground', 'rock']);
  const bark = hsl(stream.uniform(15, 45), stream.uniform(0.1, 0.35), stream.uniform(0.22, 0.4));
  if (kind === 'branch') return branch(stream, place, bark);
  if (kind === 'post') return post(place, place.unit * stream.uniform(9, 15), bark);
  const hue = stream.pick([30, 42, 85, 210]);
  const earth = hsl(hue, stream.uniform(0.08, 0.3), stream.uniform(0.3, 0.55));
  return kind === 'rock' ? rock(stream, place, earth) : ground(place, earth);
}

function branch(
  stream: RandomStream,
  { size, at: [x, y], unit }: PerchPlace,
  bark: Colour,
): Shape[] {
  const width = unit * stream.uniform(4, 7);
  const slope = stream.uniform(-0.18, 0.18);
  const middle = y + width / 2;
  const height = (u: number) => round(middle + slope * (u - x));
  // through the feet, and bent a little at both ends
  const [left, right] = [stream.uniform(-0.04, 0.04) * size, stream.uniform(-0.04, 0.04) * size];
  const limb = (shift: number) =>
    `M-5,${height(-5) + left + shift} C${round(x * 0.5)},${height(x * 0.5) + shift} ` +
    `${round(x * 0.8)},${height(x * 0.8) + shift} ${round(x)},${middle + shift} ` +
    `C${round(x + (size - x) * 0.2)},${height(x + (size - x) * 0.2) + shift} ` +
    `${round(x + (size - x) * 0.5)},${height(x + (size - x) * 0.5) + shift} ` +
    `${size + 5},${height(size + 5) + right + shift}`;
  const side = stream.chance(0.5) ? -1 : 1;
  const [near, far] = [x + side * size * 0.22, x + side * size * 0.46];
  const rise = stream.uniform(-0.3, 0.3) * size;
  const twig = `M${round(near)},${height(near)} L${round(far)},${round(height(far) + rise)}`;
  return [
    { path: twig, stroke: darken(bark, 0.15), width: width * 0.4 },
    { path: limb(width * 0.18), stroke: darken(bark, 0.35), width },
    { path: limb(0), stroke: bark, width: width * 0.72 },
    { path: limb(-width * 0.2), stroke: lighten(bark, 0.18), width: width * 0.16 },
  ];
}

function post({ size, at: [x, y] }: PerchPlace, width: number, bark: Colour): Shape[] {
  const fill = ramp([x - width, 0], [x + width, 0], lighten(bark, 0.2), darken(bark, 0.4));
  return [
    { path: polygon([x - width, y], [x + width, y], [x + width, size], [x - width, size]), fill },
    { path: ellipse([x, y], width, width * 0.2), fill: lighten(bark, 0.25) },
  ];
}

function rock(stream: RandomStream, { size, at: [x, y] }: PerchPlace, earth: Colour): Shape[] {
  const wide = size * stream.uniform(0.25, 0.45);
  const corners: Point[] = [
    [x - wide, size],
    [x - wide * 0.8, y + (size - y) * 0.4],
    [x - wide * 0.4, y],
    [x + wide * 0.45, y - 1],
    [x + wide * 0.9, y + (size - y) * 0.5],
    [x + wide, size],
  ];
  const fill = ramp([x, y], [x, size], lighten(earth, 0.2), darken(earth, 0.35));
  return [{ path: polygon(...corners), fill }];
}

function ground({ size, at: [, y], unit }: PerchPlace, earth: Colour): Shape[] {
  const fill = ramp([0, y], [0, size], lighten(earth, 0.15), darken(earth, 0.3));
  return [{ path: polygon([0, y], [size, y - unit], [size, size], [0, size]), fill }];
}
