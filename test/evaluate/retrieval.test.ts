// Retrieval figures, worked out by hand.
import { expect, test } from 'vitest';
import { retrievalOf, scoreRetrieval } from '../../src/evaluate/retrieval.ts';

/** Nearness to every photograph from an order of the others. */
function orders(...rows: number[][]) {
  return (query: number) => {
    const near = new Array<number>(rows.length).fill(0);
    rows[query].forEach((photo, place) => {
      near[photo] = -place;
    });
    near[query] = 99; // must not count
    return near;
  };
}

const rowsOf = (rows: number[][]) => rows.map((row) => Float32Array.from(row));

test('recall, mAP and mAP at R of a small case', () => {
  // classes a a a b b c; c has nobody to be found
  const labels = [0, 0, 0, 1, 1, 2];
  const near = orders(
    [1, 3, 2, 4, 5], // right at places 1, 3: AP (1 + 2/3) / 2 = 5/6; at R = 2: 1 / 2
    [3, 4, 0, 2, 5], // places 3, 4: AP (1/3 + 1/2) / 2 = 5/12; at R: 0
    [0, 1, 3, 4, 5], // 1; 1
    [0, 1, 2, 5, 4], // place 5: AP 1/5; at R = 1: 0
    [3, 0, 1, 2, 5], // 1; 1
    [0, 1, 2, 3, 4],
  );
  const found = scoreRetrieval(labels, near);
  expect(found.queries).toBe(5);
  expect(found.firsts).toEqual([1, 0, 1, 0, 1, null]);
  expect(found.recall).toEqual({ 1: 3 / 5, 2: 3 / 5, 4: 4 / 5, 8: 1 });
  expect(found.map).toBeCloseTo((5 / 6 + 5 / 12 + 1 + 1 / 5 + 1) / 5, 12);
  expect(found.mapAtR).toBeCloseTo((1 / 2 + 0 + 1 + 0 + 1) / 5, 12);
});

test('equals keep their order', () => {
  const { recall } = scoreRetrieval([0, 1, 0], () => [1, 1, 1]);
  expect(recall).toEqual({ 1: 0.5, 2: 1, 4: 1, 8: 1 }); // 0 meets 1 first, 2 meets 0 first
});

test('without anybody to be found all is nought', () => {
  const nothing = { queries: 0, recall: { 1: 0, 2: 0, 4: 0, 8: 0 }, map: 0, mapAtR: 0 };
  expect(scoreRetrieval([], () => [])).toEqual({ ...nothing, firsts: [] });
  expect(scoreRetrieval([0, 1], () => [1, 1])).toEqual({ ...nothing, firsts: [null, null] });
});

test('descriptors are compared by angle', async () => {
  const descriptors = rowsOf([
    [1, 0],
    [10, 1],
    [0, 1],
    [1, 9],
    [5, 4],
  ]);
  const found = await retrievalOf(descriptors, [0, 0, 1, 1, 0]);
  expect(found.recall[1]).toBe(1);
  expect(found.queries).toBe(5);
  expect(found.levels).toEqual({});
});

test('levels above the classes count siblings as found', async () => {
  const descriptors = rowsOf([
    [1, 0],
    [10, 1],
    [0, 1],
    [9, 2],
  ]);
  const genus = { name: 'genus', names: ['a', 'b'], ofClass: [0, 0, 1] };
  // 0 and 3 are of one class, and between them lies its sibling
  const found = await retrievalOf(descriptors, [0, 1, 2, 0], [genus]);
  expect(found.recall[1]).toBe(0);
  expect(found.levels.genus).toMatchObject({ queries: 3, map: 1, recall: { 1: 1 } });
});

test('NaN finds nothing, and is not found', () => {
  const near = [
    [0, Number.NaN, 0.5],
    [Number.NaN, 0, Number.NaN],
    [0.5, Number.NaN, 0],
  ];
  const { recall, map } = scoreRetrieval([0, 0, 1], (query) => near[query]);
  expect([recall[1], recall[2], map]).toEqual([0, 0, 0]);
});

test('descriptors that are not finite are refused', async () => {
  await expect(retrievalOf(rowsOf([[1], [Number.NaN]]), [0, 0])).rejects.toMatchObject({
    code: 'FM_RUNTIME',
    message: expect.stringMatching(/^retrieval: expected .*in that of image 1\. /),
  });
});
