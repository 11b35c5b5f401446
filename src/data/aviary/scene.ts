// One picture: where the bird stands, in what light, before and behind what. A scene knows
// nothing about species; `drawScene` puts any species into it.

import type { RandomStream } from '../../core/random.ts';
import { apply, type Point } from './affine.ts';
import { FOOT_LEVEL, framesOf, type Pose } from './anatomy.ts';
import { sampleBackdrop } from './backdrop.ts';
import { type Lighting, sampleLighting } from './colour.ts';
import { birdShapes, silhouette } from './draw-bird.ts';
import type { FieldMarks } from './field-marks.ts';
import { sampleOccluders } from './occluders.ts';
import type { SceneOptions } from './options.ts';
import { samplePerch } from './perch.ts';
import { type Plumage, samplePlumage } from './plumage.ts';
import { type Shape, svgDocument } from './shapes.ts';

export interface Scene {
  /** Side of the square picture in pixels. */
  readonly size: number;
  readonly pose: Pose;
  readonly plumage: Plumage;
  readonly lighting: Lighting;
  /** Scenery and perch, back to front. */
  readonly behind: readonly Shape[];
  readonly before: readonly Shape[];
}

/** Draws a scene. Each part has its own stream, so that changing one leaves the others alone. */
export function sampleScene(
  stream: RandomStream,
  { imageSize, ...options }: SceneOptions & { imageSize: number },
): Scene {
  const pose = samplePose(stream.child('pose'), imageSize, options);
  const feet = apply(framesOf(pose).stand, [8, FOOT_LEVEL + 1]);
  const occluders = stream.child('occluders');
  return {
    size: imageSize,
    pose,
    plumage: samplePlumage(stream.child('plumage')),
    lighting: sampleLighting(stream.child('lighting'), options.lighting),
    behind: [
      ...sampleBackdrop(stream.child('backdrop'), imageSize, options.clutter),
      ...samplePerch(stream.child('perch'), { size: imageSize, at: feet, unit: pose.scale }),
    ],
    before: sampleOccluders(occluders.child('shapes'), {
      pose,
      size: imageSize,
      count: occluders.integer(options.occlusion + 1),
    }),
  };
}

/** The scene with a bird of the given marks, as SVG text. */
export function drawScene(
  scene: Scene,
  marks: FieldMarks,
  { occluders = true }: { occluders?: boolean } = {},
): string {
  const shapes = [...scene.behind, ...birdShapes(scene, marks), ...(occluders ? scene.before : [])];
  return svgDocument(scene.size, shapes, scene.lighting);
}

const PLAIN_LIGHT: Lighting = { gain: 1, offset: [0, 0, 0], side: 0.5, shade: 0 };

/** The bird's visible pixels white on black, as SVG text: what occluders hide is black. */
export function drawMask(
  scene: Scene,
  marks: FieldMarks,
  { occluders = true }: { occluders?: boolean } = {},
): string {
  const black: Shape[] = scene.before.map(({ path }) => ({ path, fill: [0, 0, 0] }));
  const shapes = [...silhouette(scene.pose, marks), ...(occluders ? black : [])];
  return svgDocument(scene.size, shapes, PLAIN_LIGHT);
}

function samplePose(stream: RandomStream, size: number, { pose, fill }: SceneOptions): Pose {
  const angle = (range: number) => stream.uniform(-range, range) * pose;
  const neutral: Pose = {
    facing: stream.chance(0.5) ? 1 : -1,
    tilt: angle(13),
    head: angle(12),
    tail: angle(14),
    stride: angle(2.5),
    girth: 1 + stream.uniform(-0.05, 0.06) * pose,
    scale: 1,
    x: 0,
    y: 0,
  };
  const [left, top, right, bottom] = extent(neutral);
  const side = size * stream.uniform(...fill);
  const scale = side / Math.max(right - left, bottom - top);
  const place = (low: number, high: number) => {
    const room = size - (high - low) * scale;
    return room * stream.uniform(0.08, 0.92) - low * scale;
  };
  return { ...neutral, scale, x: place(left, right), y: place(top, bottom) };
}

/** Where the outermost points of any species lie: left, top, right, bottom. */
function extent(pose: Pose): [number, number, number, number] {
  const frames = framesOf(pose);
  const points: Point[] = [
    ...(
      [
        [61, -19],
        [22, -37.5],
        [38, -25],
      ] as Point[]
    ).map((p) => apply(frames.head, p)),
    ...(
      [
        [-38, -9.5],
        [-38, 9.5],
        [-33, 0],
      ] as Point[]
    ).map((p) => apply(frames.tail, p)),
    ...(
      [
        [0, 29],
        [36, -3],
        [-22, 1],
      ] as Point[]
    ).map((p) => apply(frames.body, p)),
    ...(
      [
        [-1, FOOT_LEVEL + 3],
        [20, FOOT_LEVEL + 3],
      ] as Point[]
    ).map((p) => apply(frames.stand, p)),
  ];
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
