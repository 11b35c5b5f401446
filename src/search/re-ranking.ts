// k-reciprocal re-ranking: photographs are alike when they are among each other's nearest, and when
// they have their nearest in common. Z. Zhong, L. Zheng, D. Cao, S. Li, "Re-ranking person
// re-identification with k-reciprocal encoding", CVPR 2017, arXiv 1701.08398.
//
//   R(p, k) = { g in N(p, k) : p in N(g, k) }                                             (3)
//   R*(p)   = R(p, k1) and R(q, k1/2) for each q in it that shares two thirds with R(p, k1) (5)
//   V_pg    = exp(-d(p, g)) for g in R*(p), else 0; averaged over N(p, k2)               (7, 11)
//   d*(p,g) = (1 - lambda) Jaccard(V_p, V_g) + lambda d(p, g)                            (10, 12)

export interface ReRankingOptions {
  /** Neighbours that must be mutual. Default: 20. */
  readonly k1?: number;
  /** Neighbours over which encodings are averaged. Default: 6. */
  readonly k2?: number;
  /** Share of the original distance, 0 to 1. Default: 0.3. */
  readonly lambda?: number;
}

/** A row of V: weights of photographs that are not zero. */
type Encoding = ReadonlyMap<number, number>;

/**
 * New distances of all pairs, `[n, n]`, from their cosine similarities, `[n, n]`. Smaller is nearer;
 * 0 to 1. Every photograph is a query and belongs to the neighbourhoods of the others.
 */
export function reRank(
  similarities: Float32Array,
  n: number,
  { k1 = 20, k2 = 6, lambda = 0.3 }: ReRankingOptions = {},
): Float32Array {
  const distances = scaledDistances(similarities, n);
  const ranks = Array.from({ length: n }, (_, i) => nearest(distances, n, i, Math.max(k1, k2) + 1));
  const encodings = ranks.map((_, p) => encode(reciprocalSet(ranks, p, k1), distances, n, p));
  // the average over k2 neighbours counts the photograph itself
  const averaged = ranks.map((order) => average(order.slice(0, k2).map((g) => encodings[g])));
  const holders = holdersOf(averaged, n);
  const out = new Float32Array(n * n);
  for (let p = 0; p < n; p++) {
    const shared = sharedWeights(averaged[p], holders, n);
    for (let g = 0; g < n; g++) {
      // both encodings add up to one: max(a, b) sums to 2 - min(a, b)
      const jaccard = 1 - shared[g] / (2 - shared[g]);
      out[p * n + g] = (1 - lambda) * jaccard + lambda * distances[p * n + g];
    }
  }
  return out;
}

/** Squared Euclidean distances of unit vectors, each row scaled by its largest. */
function scaledDistances(similarities: Float32Array, n: number): Float32Array {
  const out = similarities.map((similarity) => Math.max(0, 2 - 2 * similarity));
  for (let i = 0; i < n; i++) {
    const row = out.subarray(i * n, (i + 1) * n);
    row[i] = 0;
    const largest = row.reduce((a, b) => Math.max(a, b), 0) || 1;
    for (let j = 0; j < n; j++) row[j] /= largest;
  }
  return out;
}

/** The `count` nearest of photograph i, itself first. */
function nearest(distances: Float32Array, n: number, i: number, count: number): number[] {
  const row = distances.subarray(i * n, (i + 1) * n);
  const order = Array.from(row, (_, j) => j);
  order.sort((a, b) => Number(b === i) - Number(a === i) || row[a] - row[b] || a - b);
  return order.slice(0, count);
}

/** R(p, k): the k nearest of p that have p among their k nearest; p itself is one of them. */
function reciprocal(ranks: readonly number[][], p: number, k: number): number[] {
  return ranks[p].slice(0, k + 1).filter((g) => ranks[g].slice(0, k + 1).includes(p));
}

/** R*(p). */
function reciprocalSet(ranks: readonly number[][], p: number, k1: number): ReadonlySet<number> {
  const core = new Set(reciprocal(ranks, p, k1));
  const all = new Set(core);
  for (const q of core) {
    const wider = reciprocal(ranks, q, Math.round(k1 / 2));
    const common = wider.filter((g) => core.has(g)).length;
    if (3 * common >= 2 * wider.length) for (const g of wider) all.add(g);
  }
  return all;
}

/** Weights of the set, which add up to one. */
function encode(set: ReadonlySet<number>, distances: Float32Array, n: number, p: number): Encoding {
  const weights = [...set].map((g) => [g, Math.exp(-distances[p * n + g])] as const);
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return new Map(weights.map(([g, weight]) => [g, weight / total]));
}

function average(encodings: readonly Encoding[]): Encoding {
  const out = new Map<number, number>();
  for (const encoding of encodings) {
    for (const [g, weight] of encoding) out.set(g, (out.get(g) ?? 0) + weight / encodings.length);
  }
  return out;
}

/** For each photograph, the encodings in which it has a weight. */
function holdersOf(encodings: readonly Encoding[], n: number): (readonly [number, number])[][] {
  const holders = Array.from({ length: n }, (): [number, number][] => []);
  encodings.forEach((encoding, p) => {
    for (const [g, weight] of encoding) holders[g].push([p, weight]);
  });
  return holders;
}

/** sum_g min(V_pg, V_qg) for every q. */
function sharedWeights(
  encoding: Encoding,
  holders: readonly (readonly (readonly [number, number])[])[],
  n: number,
): Float64Array {
  const shared = new Float64Array(n);
  for (const [g, weight] of encoding) {
    for (const [q, other] of holders[g]) shared[q] += Math.min(weight, other);
  }
  return shared;
}
