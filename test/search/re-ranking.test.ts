// Re-ranking against the paper's formulas written out with dense vectors and sets.
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { reRank } from '../../src/search/re-ranking.ts';
import { allSimilarities, unitRows } from '../../src/search/similarity.ts';

/** Equations 3 to 12, with no thought of speed. */
function reference(similarities: Float32Array, n: number, k1: number, k2: number, lambda: number) {
  const all = Array.from({ length: n }, (_, i) => i);
  const raw = (p: number, g: number) =>
    p === g ? 0 : Math.max(0, 2 - 2 * similarities[p * n + g]);
  const largest = all.map((p) => Math.max(...all.map((g) => raw(p, g))));
  const d = (p: number, g: number) => raw(p, g) / largest[p];
  const orders = all.map((p) => [
    p,
    ...all.filter((g) => g !== p).sort((a, b) => d(p, a) - d(p, b) || a - b),
  ]);
  const nearest = (p: number, k: number) => orders[p].slice(0, k + 1);
  const mutual = (p: number, k: number) => nearest(p, k).filter((g) => nearest(g, k).includes(p));
  const encodings = all.map((p) => {
    const core = mutual(p, k1);
    const set = new Set(core);
    for (const q of core) {
      const wider = mutual(q, Math.round(k1 / 2));
      const common = wider.filter((g) => core.includes(g));
      if (common.length >= (2 / 3) * wider.length - 1e-9) for (const g of wider) set.add(g);
    }
    const v = all.map((g) => (set.has(g) ? Math.exp(-d(p, g)) : 0));
    const total = v.reduce((a, b) => a + b);
    return v.map((x) => x / total);
  });
  const averaged = all.map((p) => {
    const group = nearest(p, k2 - 1);
    return all.map((g) => group.reduce((sum, q) => sum + encodings[q][g], 0) / group.length);
  });
  return all.flatMap((p) =>
    all.map((g) => {
      const [a, b] = [averaged[p], averaged[g]];
      const low = a.reduce((sum, v, i) => sum + Math.min(v, b[i]), 0);
      const high = a.reduce((sum, v, i) => sum + Math.max(v, b[i]), 0);
      return (1 - lambda) * (1 - low / high) + lambda * d(p, g);
    }),
  );
}

test.each([
  { k1: 20, k2: 6, lambda: 0.3 },
  { k1: 5, k2: 1, lambda: 0 },
  { k1: 3, k2: 8, lambda: 0.9 },
  { k1: 100, k2: 6, lambda: 0.3 },
])('%o: agrees with the formulas', async (options) => {
  for (let seed = 0; seed < 3; seed++) {
    const [n, d] = [45, 6];
    const r = randomStream(seed, 're-ranking');
    const vectors = Float32Array.from({ length: n * d }, (_, i) => {
      return r.normal(Math.floor(i / d) % 3 === i % d ? 2 : 0); // three loose groups
    });
    const similarities = await allSimilarities(vectors, d);
    const { k1, k2, lambda } = options;
    expect(reRank(similarities, n, options)).toBeAllClose(
      reference(similarities, n, k1, k2, lambda),
      { rtol: 1e-4, atol: 1e-5 },
    );
  }
});

test('a stranger that is near loses to one who shares the neighbours', async () => {
  // 0 to 4 are a chain along a circle, 5 stands alone a little nearer to 0 than 4 does
  const angles = [0, 10, 20, 30, 40, -39];
  const points = angles.flatMap((a) => [
    Math.cos((a * Math.PI) / 180),
    Math.sin((a * Math.PI) / 180),
  ]);
  const similarities = await allSimilarities(unitRows(Float32Array.from(points), 2), 2);
  expect(similarities[5]).toBeGreaterThan(similarities[4]);
  const distances = reRank(similarities, 6, { k1: 4, k2: 1, lambda: 0.1 });
  expect(distances[4]).toBeLessThan(distances[5]);
});

test('nothing and one photograph are no error', () => {
  expect(reRank(new Float32Array(0), 0)).toHaveLength(0);
  expect([...reRank(Float32Array.of(1), 1)]).toEqual([0]);
});
