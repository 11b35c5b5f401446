// What stands before the bird: reeds, leaves, twigs. None may hide much of any field mark, on
// any species: sites are checked for all values of all marks, so occlusion says nothing either.

import type { RandomStream } from '../../core/random.ts';
import { apply, flatten, inside, type Point, polygon, round } from './affine.ts';
import { billPath, type Frames, framesOf, type Limb, legsOf, type Pose } from './anatomy.ts';
import { type Colour, darken, hsl, lighten } from './colour.ts';
import { markLayers } from './draw-marks.ts';
import { type FieldMarks, markNames, unmarked, valuesOf } from './field-marks.ts';
import type { Shape } from './shapes.ts';

/** The largest share of a mark that occluders may hide together. */
const LARGEST_COVER = 0.3;

/** Points spread over one value of one mark. */
interface Site {
  readonly limb: Limb;
  readonly points: readonly Point[];
}

/** Draws up to `count` occluders for a bird; those that would hide a mark are drawn again. */
export function sampleOccluders(
  stream: RandomStream,
  { pose, size, count }: { pose: Pose; size: number; count: number },
): Shape[] {
  const sites = placedSites(pose);
  const covered = sites.map((site) => site.map(() => false));
  const accepted: Shape[] = [];
  for (let i = 0; i < count; i++) {
    for (let attempt = 0; attempt < 5; attempt++) {
      const candidate = stream.pick([reed, leaves, twig])(stream.child(i, attempt), pose, size);
      if (!cover(sites, covered, candidate)) continue;
      accepted.push(...candidate);
      break;
    }
  }
  return accepted;
}

/** Marks what the candidate hides, unless that is too much of any site. */
function cover(
  sites: readonly Point[][],
  covered: boolean[][],
  candidate: readonly Shape[],
): boolean {
  const outlines = candidate.map(({ path }) => flatten(path, 5));
  const next = sites.map((site, i) =>
    site.map((point, j) => covered[i][j] || outlines.some((corners) => inside(point, corners))),
  );
  const fits = next.every(
    (hidden) => hidden.filter(Boolean).length <= LARGEST_COVER * hidden.length,
  );
  if (fits) for (let i = 0; i < next.length; i++) covered[i] = next[i];
  return fits;
}

/** Whether a point of the picture is behind an occluder. */
export function isHidden(point: Point, occluders: readonly Shape[]): boolean {
  return occluders.some(({ path }) => inside(point, flatten(path, 5)));
}

function placedSites(pose: Pose): Point[][] {
  const frames: Frames = framesOf(pose);
  const legs = legsOf(pose).map(({ foot: [x, y] }) =>
    [-1, -4, -7].map((up) => [x, y + up] as Point),
  );
  return [...markSites(), { limb: 'stand', points: legs.flat() } as Site].map(({ limb, points }) =>
    points.map((point) => apply(frames[limb], point)),
  );
}

let sitesOfAllMarks: readonly Site[] | undefined;

/** Sites of every value of every mark, in limb coordinates; made once. */
function markSites(): readonly Site[] {
  sitesOfAllMarks ??= [
    ...markNames.flatMap((mark) => valuesOf(mark).map((value) => ({ ...unmarked, [mark]: value }))),
  ]
    .flatMap((marks: FieldMarks) =>
      markLayers.flatMap(([limb, draw]) =>
        draw(marks).map((shape) => ({ limb, points: pointsOn(shape) })),
      ),
    )
    .concat(
      (['stout', 'slender'] as const).map((shape) => ({
        limb: 'head' as const,
        points: pointsOn({ path: billPath(shape), fill: [0, 0, 0] }),
      })),
      [-9, -6, 6, 9].map((y) => ({
        limb: 'tail' as const,
        points: [
          [-37, y],
          [-35, y],
          [-32, y],
        ] as Point[],
      })),
      {
        limb: 'tail',
        points: [
          [-26, 0],
          [-29, -2],
          [-29, 2],
          [-31, 0],
          [-32, -3],
          [-32, 3],
        ],
      },
    );
  return sitesOfAllMarks;
}

/** A grid of points in each part of a filled path; the corners of a stroked one. */
function pointsOn({ path, fill }: Shape): Point[] {
  if (fill === undefined) return flatten(path);
  return path.split(/(?=M)/).flatMap((piece) => {
    const corners = flatten(piece);
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const points: Point[] = [];
    for (let x = Math.min(...xs) + 0.5; x < Math.max(...xs); x += 1.6) {
      for (let y = Math.min(...ys) + 0.5; y < Math.max(...ys); y += 1.6) {
        if (inside([x, y], corners)) points.push([x, y]);
      }
    }
    return points;
  });
}

function reed(stream: RandomStream, pose: Pose, size: number): Shape[] {
  const width = pose.scale * stream.uniform(0.9, 2.2);
  const x = pose.x + stream.uniform(-55, 50) * pose.scale;
  const lean = stream.uniform(-0.25, 0.25) * size;
  const top = stream.chance(0.5) ? -5 : stream.uniform(0, 0.4) * size;
  const bend = stream.uniform(-0.08, 0.08) * size;
  const [r, y] = [round, size + 5];
  const path =
    `M${r(x - width)},${y} C${r(x - width + bend)},${r(y * 0.7)} ${r(x + lean * 0.6)},${r(top + y * 0.2)} ` +
    `${r(x + lean)},${r(top)} C${r(x + lean * 0.6 + width)},${r(top + y * 0.2)} ` +
    `${r(x + width + bend)},${r(y * 0.7)} ${r(x + width)},${y} Z`;
  return [
    {
      path,
      fill: hsl(stream.uniform(45, 110), stream.uniform(0.25, 0.45), stream.uniform(0.25, 0.55)),
    },
  ];
}

/** A thin branch that comes in from outside the picture. */
function twig(stream: RandomStream, pose: Pose, size: number): Shape[] {
  return [stem(sampleStem(stream, pose, size))];
}

/** A thin branch with leaves at its tip. */
function leaves(stream: RandomStream, pose: Pose, size: number): Shape[] {
  const branch = sampleStem(stream, pose, size);
  const { tip, heading, width } = branch;
  const tone = hsl(
    stream.pick([85, 100, 120, 60, 35]),
    stream.uniform(0.3, 0.45),
    stream.uniform(0.24, 0.42),
  );
  const blades = Array.from({ length: 2 + stream.integer(3) }, (_, i) => {
    const back = i * 6 * pose.scale;
    const root: Point = [tip[0] + Math.cos(heading) * back, tip[1] + Math.sin(heading) * back];
    const turn = heading + Math.PI + (i % 2 === 0 ? 0.7 : -0.7) + stream.uniform(-0.25, 0.25);
    const length = pose.scale * stream.uniform(9, 15);
    return leaf(root, turn, length, i % 2 === 0 ? tone : lighten(tone, 0.1));
  });
  return [stem({ ...branch, width: width * 0.6 }), ...blades];
}

interface Stem {
  readonly tip: Point;
  /** Where it comes from, in radians. */
  readonly heading: number;
  readonly length: number;
  readonly width: number;
  readonly fill: Colour;
}

function sampleStem(stream: RandomStream, { x, y, scale }: Pose, size: number): Stem {
  return {
    tip: [x + stream.uniform(-50, 45) * scale, y + stream.uniform(-35, 45) * scale],
    heading: stream.uniform(0, 2 * Math.PI),
    length: size * 1.3,
    width: scale * stream.uniform(1, 1.7),
    fill: darken(hsl(stream.uniform(15, 40), 0.25, 0.35), stream.uniform(0, 0.4)),
  };
}

function stem({ tip, heading, length, width, fill }: Stem): Shape {
  const [dx, dy] = [Math.cos(heading), Math.sin(heading)];
  const corner = (along: number, across: number): Point => [
    tip[0] + dx * along - dy * across,
    tip[1] + dy * along + dx * across,
  ];
  const path = polygon(
    corner(0, -width * 0.35),
    corner(length, -width * 1.6),
    corner(length, width * 1.6),
    corner(0, width * 0.35),
  );
  return { path, fill };
}

function leaf([x, y]: Point, turn: number, length: number, fill: Shape['fill']): Shape {
  const [dx, dy] = [Math.cos(turn) * length, Math.sin(turn) * length];
  const at = (along: number, across: number) =>
    `${round(x + dx * along - dy * across)},${round(y + dy * along + dx * across)}`;
  const path =
    `M${at(0, 0)} C${at(0.3, -0.32)} ${at(0.75, -0.22)} ${at(1, 0)} ` +
    `C${at(0.75, 0.22)} ${at(0.3, 0.32)} ${at(0, 0)} Z`;
  return { path, fill };
}
