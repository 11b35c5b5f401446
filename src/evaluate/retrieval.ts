// How well photographs find others of their class: each one queries all the others.

import { fail } from '../core/errors.ts';
import type { HierarchyLevel } from '../core/example.ts';
import { allSimilarities, joinRows } from '../search/similarity.ts';

/** Figures of a set of queries, 0 to 1. */
export interface Retrieval {
  /** Photographs that have another one of their class; the rest cannot be found. */
  readonly queries: number;
  /** Share of queries with one of their class among the k nearest, by k. */
  readonly recall: Readonly<Record<(typeof RECALL_AT)[number], number>>;
  /** Mean average precision over the whole ranking. */
  readonly map: number;
  /**
   * Mean average precision at R, the number of photographs to be found: precision at each of the R
   * first places that is right, over R (Musgrave et al. 2020, arXiv 2003.08505, section 3.2).
   */
  readonly mapAtR: number;
}

/** The figures of the classes, and of what stands above them: there a sibling is found as well. */
export interface RetrievalByLevel extends Retrieval {
  /** By level name, coarsest first; empty without a hierarchy. */
  readonly levels: Readonly<Record<string, Retrieval>>;
}

/** Of each photograph: 1 where the nearest other one is of its class, null where no other one is. */
export type Firsts = readonly (0 | 1 | null)[];

/** The k of `recall`. */
export const RECALL_AT = [1, 2, 4, 8] as const;

/**
 * Scores rankings. `nearness` gives, for a query, how near every photograph is, larger is nearer;
 * the query itself is left out. Equals keep their order. NaN is far from everything and finds nothing.
 */
export function scoreRetrieval(
  labels: ArrayLike<number>,
  nearness: (query: number) => ArrayLike<number>,
): Retrieval & { readonly firsts: Firsts } {
  const recall = { 1: 0, 2: 0, 4: 0, 8: 0 };
  const firsts: (0 | 1 | null)[] = [];
  let [queries, map, mapAtR] = [0, 0, 0];
  for (let query = 0; query < labels.length; query++) {
    const right = rankedHits(labels, query, nearness(query));
    const wanted = right.filter(Boolean).length;
    firsts.push(wanted === 0 ? null : right[0] ? 1 : 0);
    if (wanted === 0) continue;
    queries++;
    for (const k of RECALL_AT) recall[k] += Number(right.slice(0, k).includes(true));
    map += precisionSum(right) / wanted;
    mapAtR += precisionSum(right.slice(0, wanted)) / wanted;
  }
  const share = (total: number) => (queries === 0 ? 0 : total / queries);
  for (const k of RECALL_AT) recall[k] = share(recall[k]);
  return { queries, recall, map: share(map), mapAtR: share(mapAtR), firsts };
}

/** Whether each of the others, nearest first, is of the query's class. */
function rankedHits(labels: ArrayLike<number>, query: number, near: ArrayLike<number>): boolean[] {
  const order = Array.from({ length: labels.length }, (_, i) => i).filter((i) => i !== query);
  const key = (i: number) => (Number.isNaN(near[i]) ? Number.NEGATIVE_INFINITY : near[i]);
  order.sort((a, b) => (key(a) === key(b) ? a - b : key(b) - key(a)));
  return order.map((i) => labels[i] === labels[query] && !Number.isNaN(near[i]));
}

/** Sum over the right places of the precision up to there. */
function precisionSum(right: readonly boolean[]): number {
  let [hits, sum] = [0, 0];
  right.forEach((hit, place) => {
    if (hit) sum += ++hits / (place + 1);
  });
  return sum;
}

/**
 * The figures of descriptors of one length, compared by cosine similarity. Throws FM_RUNTIME where one
 * is not finite.
 */
export async function retrievalOf(
  descriptors: readonly Float32Array[],
  labels: readonly number[],
  hierarchy: readonly HierarchyLevel[] = [],
): Promise<RetrievalByLevel & { readonly firsts: Firsts }> {
  const n = descriptors.length;
  const bad = descriptors.findIndex((row) => !row.every(Number.isFinite));
  if (bad >= 0) {
    throw fail('FM_RUNTIME', 'retrieval', {
      expected: 'descriptors of finite numbers',
      got: `NaN or infinity in that of image ${bad}`,
      next: 'The weights are damaged or training diverged: train again at a lower rate.',
    });
  }
  const all = await allSimilarities(joinRows(descriptors), descriptors[0]?.length ?? 1);
  const nearness = (query: number) => all.subarray(query * n, (query + 1) * n);
  const levels = hierarchy.map(({ name, ofClass }) => {
    const { firsts: _, ...figures } = scoreRetrieval(
      labels.map((label) => ofClass[label]),
      nearness,
    );
    return [name, figures] as const;
  });
  return { ...scoreRetrieval(labels, nearness), levels: Object.fromEntries(levels) };
}
