// The hinge on triplets of a batch, all of it in the graph. Which images are to be near and which
// far is decided elsewhere (`class-relations.ts`).

import { add, div, mul, sub } from '../graph/ops/arithmetic.ts';
import { cast, greater, maximum, where } from '../graph/ops/compare.ts';
import { reshape } from '../graph/ops/movement.ts';
import { max } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';

/** What is to be nearer than what. Entry (r, x) of each matrix is about image x seen from r. */
export interface TripletLink {
  /** 1 where x may be the positive of r, else 0; [N, N]. */
  readonly positives: Value;
  /** 1 where x may be its negative, else 0; [N, N]. */
  readonly negatives: Value;
  /** By how much a negative is to be farther than a positive, at least 0; [N, N]. */
  readonly margins: Value;
}

export interface TripletLoss {
  /** Scalar. */
  readonly loss: Value;
  /** Share of the triplets whose hinge is above zero, a scalar without a gradient. */
  readonly active: Value;
}

/**
 * Sum over the links of 1/(2 T) sum max(0, D(r,p) - D(r,n) + m) over the T pairs (r, p) of a link
 * (Zhang et al. 2016, arXiv 1512.02895). `distances` D [N, N]. Each pair has one negative:
 *
 * - the semi-hard one, D(r,p) < D(r,n) < D(r,p) + m, that violates its margin most (Schroff et al.
 *   2015, arXiv 1503.03832, 3.2; with one margin it is the nearest of them);
 * - where none is semi-hard, the one that violates it least of those that are nearer than the
 *   positive: the hardest ones collapse young embeddings;
 * - where none violates its margin the pair adds zero, and still counts in T.
 *
 * A link without a pair adds zero. Takes memory for some ten tensors of N^3 numbers.
 */
export function tripletLoss(distances: Value, links: readonly TripletLink[]): TripletLoss {
  const parts = links.map((link) => {
    const hinges = mul(link.positives, chosenViolations(distances, link));
    return { total: sum(hinges), pairs: sum(link.positives), active: sum(positive(hinges)) };
  });
  const losses = parts.map(({ total, pairs }) => div(total, mul(maximum(pairs, 1), 2)));
  const all = (key: 'pairs' | 'active') => parts.map((part) => part[key]).reduce(add);
  return { loss: losses.reduce(add), active: div(all('active'), maximum(all('pairs'), 1)) };
}

/** Below every violation of a margin, with its sign turned. */
const NONE = -1e9;

/** D(r,p) - D(r,n) + m for each pair [N, N] with the negative that the pair has; else 0. */
function chosenViolations(distances: Value, { negatives, margins }: TripletLink): Value {
  const [n] = distances.shape;
  const near = reshape(distances, [n, n, 1]); // [r, p, 1]
  const far = reshape(distances, [n, 1, n]); // [r, 1, n]
  const violation = add(near, reshape(sub(margins, distances), [n, 1, n]));
  const candidate = reshape(negatives, [n, 1, n]);
  const beyond = cast(greater(far, near), 'float32');
  // no image is its own negative, so that one of the products is zero whatever else there is
  const semiHard = max(mul(mul(candidate, beyond), violation), [2]);
  const within = greater(mul(candidate, sub(1, beyond)), 0);
  const hardest = max(where(within, mul(violation, -1), NONE), [2]);
  const hard = where(greater(hardest, NONE / 2), mul(hardest, -1), 0);
  return where(greater(semiHard, 0), semiHard, hard);
}

function positive(x: Value): Value {
  return cast(greater(x, 0), 'float32');
}
