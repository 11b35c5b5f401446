// Where CUB's fifteen parts are on a drawn bird.

import type { PartPoint } from '../../core/example.ts';
import { apply, type Point, round } from './affine.ts';
import { FOOT_LEVEL, framesOf, LANDMARKS, legsOf, type Pose } from './anatomy.ts';
import { isHidden } from './occluders.ts';
import type { Scene } from './scene.ts';

/** The parts in the order of CUB-200-2011. */
export const PART_NAMES = [
  'back',
  'beak',
  'belly',
  'breast',
  'crown',
  'forehead',
  'left eye',
  'left leg',
  'left wing',
  'nape',
  'right eye',
  'right leg',
  'right wing',
  'tail',
  'throat',
] as const;

const INVISIBLE: PartPoint = { x: 0, y: 0, visible: false };

/**
 * One point per entry of `PART_NAMES`, in pixels. A bird that faces right shows its right eye
 * and wing and both legs. Parts behind occluders are invisible.
 */
export function partPoints({ pose, before, size }: Scene): PartPoint[] {
  const frames = framesOf(pose);
  return PART_NAMES.map((name) => {
    const point = place(name, pose, frames);
    if (point === undefined) return INVISIBLE;
    const [x, y] = [round(point[0]), round(point[1])];
    const within = x >= 0 && y >= 0 && x < size && y < size;
    return within && !isHidden([x, y], before) ? { x, y, visible: true } : INVISIBLE;
  });
}

function place(name: string, pose: Pose, frames: ReturnType<typeof framesOf>): Point | undefined {
  const near = pose.facing === 1 ? 'right' : 'left';
  const [side, organ] = name.split(' ');
  if (organ === 'leg') {
    const { foot } = legsOf(pose)[side === near ? 0 : 1];
    return apply(frames.stand, [foot[0], FOOT_LEVEL - 5]);
  }
  if (organ !== undefined && side !== near) return undefined;
  const [limb, point] = LANDMARKS[{ eye: 'nearEye', wing: 'nearWing' }[organ] ?? name];
  return apply(frames[limb], point);
}
