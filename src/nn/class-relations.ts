// How the images of a batch are related by class, hierarchy and attributes: the links of triplet
// losses.

import { float32, int64 } from '../core/tensor.ts';
import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { cast, equal, maximum } from '../graph/ops/compare.ts';
import { gather } from '../graph/ops/gather.ts';
import { constant, filled } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { reshape } from '../graph/ops/movement.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import type { TripletLink } from './triplet-loss.ts';

export interface RelationOptions {
  /** For each level above the classes, finest first, each class's node. Default: none. */
  readonly levels?: readonly (readonly number[])[];
  /**
   * m_1 > m_2 > ... > 0: one for the classes and one for each level. In
   * D(r, same class) + m_1 < D(r, same parent) + m_2 < ... < D(r, all others).
   */
  readonly margins: readonly number[];
  /**
   * Which attributes each class has, [K][A]: margins are multiplied by 1 - |A and B| / |A or B|, so
   * that near-duplicates get small ones. Default: margins as they are.
   */
  readonly attributes?: readonly (readonly boolean[])[];
  /** Whether images of a class may be positives of one another. Default: all may. */
  readonly pairs?: readonly boolean[];
}

/**
 * One link for the classes and one for each level: whoever is as closely related to r as the level
 * says is to be nearer to r than all that are less closely related. For negatives that are related
 * next closely that is the chain of hinges of Zhang et al. 2016 (arXiv 1512.02895), whose margins
 * are m_1 - m_2, ..., m_L - 0; negatives from farther away have the sum of the margins between, so
 * that a class without siblings is held apart from others, too. `labels`: int64 [N].
 */
export function classLinks(labels: Value, options: RelationOptions): TripletLink[] {
  const { levels = [], margins } = options;
  const { groups, others } = relations(labels, levels);
  // how far each may be beyond D: the closer the relation, the more
  const offsets = groups.map((group, k) => mul(group, margins[k])).reduce(add);
  const scale = options.attributes && jaccardDistances(labels, options.attributes);
  return groups.map((group, k) => {
    const margin = sub(margins[k], offsets);
    return {
      positives: k === 0 ? notItself(group, labels, options.pairs) : group,
      negatives: others[k],
      margins: scale === undefined ? margin : mul(margin, scale),
    };
  });
}

/**
 * For the classes and each level, finest first: whose closest common node is there (each image is
 * its own relative), and whose is farther up; [N, N] of 0 and 1.
 */
function relations(labels: Value, levels: readonly (readonly number[])[]) {
  const [n] = labels.shape;
  let rest = filled([n, n], 1);
  const groups: Value[] = [];
  const others: Value[] = [];
  for (const level of [undefined, ...levels]) {
    const nodes =
      level === undefined ? labels : gather(constant(int64([level.length], level)), labels);
    const group = mul(rest, areEqual(nodes));
    rest = sub(rest, group);
    groups.push(group);
    others.push(rest);
  }
  return { groups, others };
}

/** 1 where two of the numbers are equal, [N, N]; int64 [N]. */
function areEqual(numbers: Value): Value {
  const [n] = numbers.shape;
  return cast(equal(reshape(numbers, [n, 1]), reshape(numbers, [1, n])), 'float32');
}

/** 1 - |A and B| / |A or B| for the attributes of two images' classes, [N, N]; 1 where both lack any. */
function jaccardDistances(labels: Value, attributes: readonly (readonly boolean[])[]): Value {
  const [n] = labels.shape;
  const shape = [attributes.length, attributes[0].length];
  const has = gather(constant(float32(shape, attributes.flat().map(Number))), labels);
  const counts = sum(has, [1]);
  const both = matmul(has, has, false, true);
  const either = sub(add(reshape(counts, [n, 1]), reshape(counts, [1, n])), both);
  return sub(1, div(both, maximum(either, 1)));
}

/** Pairs of one class without those of an image with itself, and without classes that have none. */
function notItself(group: Value, labels: Value, pairs?: readonly boolean[]): Value {
  const [n] = labels.shape;
  const diagonal = new Float32Array(n * n);
  for (let i = 0; i < n; i++) diagonal[i * n + i] = 1;
  const others = mul(group, sub(1, constant(float32([n, n], diagonal))));
  if (pairs === undefined || pairs.every(Boolean)) return others;
  const mask = constant(float32([pairs.length], pairs.map(Number)));
  return mul(others, reshape(gather(mask, labels), [n, 1]));
}
