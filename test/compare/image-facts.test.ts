// Which answered images belong together, by group and by bytes, and that the figures know it.

import { expect, test } from 'vitest';
import { factsOfImages } from '../../src/compare/image-facts.ts';
import { alignScores, resultOf } from '../../src/compare/result.ts';
import type { RunScores } from '../../src/compare/scores.ts';
import type { Box, Example } from '../../src/core/example.ts';

const box: Box = [1, 2, 3, 4];
const examples: Example[] = Array.from({ length: 60 }, (_, i) => ({
  id: `${100 + i}`,
  path: '',
  label: 0,
  split: 'test',
  ...(i < 8 ? { group: 'burst' } : {}),
  ...(i === 0 ? { box } : {}),
}));
// the ninth is a copy of one of the burst
const hashes = new Map(examples.map(({ id }, i) => [id, i === 8 ? 'h3' : `h${i}`]));

test('groups and equal bytes join, by chains too', () => {
  const facts = factsOfImages(examples, hashes);
  expect(facts.get('100')).toEqual({ box, unit: '100' });
  expect(examples.filter(({ id }) => facts.get(id)!.unit === '100')).toHaveLength(9);
  expect(facts.get('109')).toEqual({ box: undefined, unit: '109' });
});

test('a burst that one answers rightly is one piece of evidence, not nine', () => {
  const scores = (right: number): RunScores => ({
    model: '',
    split: 'test',
    classes: ['a', 'b'],
    ids: examples.map(({ id }) => id),
    paths: examples.map(() => ''),
    truths: examples.map(() => 0),
    answers: examples.map((_, i) => (i < right ? 0 : 1)),
    confidences: examples.map(() => 1),
    retrieval: null,
    seconds: null,
  });
  const entries = [0, 9].map((right) => ({
    label: `${right}`,
    baseline: false,
    scores: [[scores(right)]],
  }));
  const claim = (facts = new Map()) =>
    resultOf(alignScores(entries, facts)).rows[1].difference?.claim;
  expect(claim()).toBe('above'); // without facts each image counts by itself
  expect(claim(factsOfImages(examples, hashes))).toBeNull();
});
