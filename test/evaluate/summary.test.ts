import { describe, expect, test } from 'vitest';
import { absentClasses, classesInWords, scopeNotes } from '../../src/evaluate/scope-words.ts';
import { summarise } from '../../src/evaluate/summary.ts';

const input = {
  logits: Float32Array.from([4, 0, 0, /**/ 1, 3, 0, /**/ 0, 3, 2, /**/ 0, 0, 5]),
  labels: [0, 0, 2, 2],
  classes: ['Herring Gull', 'Common Gull', 'Arctic Tern'],
  hierarchy: [{ name: 'genus', names: ['Larus', 'Sterna'], ofClass: [0, 0, 1] }],
  temperature: 1,
  split: 'test' as const,
  ids: ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'],
};

describe('summarise', () => {
  const evaluation = summarise(input);

  test('headline figures and tables', () => {
    expect(evaluation).toMatchObject({
      n: 4,
      classes: 3,
      top1: 0.5,
      top5: null,
      perClassMean: 0.5,
    });
    expect(evaluation.levels).toEqual({ genus: { top1: 0.75, n: 4, nodes: 2 } });
    expect(evaluation.matrix).toEqual([
      [1, 1, 0],
      [0, 0, 0],
      [0, 1, 1],
    ]);
    expect(evaluation.perClass[1]).toMatchObject({ n: 0, recall: null, precision: 0 });
    expect(evaluation.perClass[2]).toMatchObject({ recall: 0.5, takenFor: 'Common Gull' });
    expect(evaluation.confusions[0]).toMatchObject({ answer: 'Common Gull', count: 1, share: 0.5 });
  });

  test('wrong answers, the surest first', () => {
    expect(evaluation.wrong.map((w) => [w.id, w.truth, w.answer, w.truthRank])).toEqual([
      ['b.jpg', 'Herring Gull', 'Common Gull', 2],
      ['c.jpg', 'Arctic Tern', 'Common Gull', 2],
    ]);
  });

  test('is plain JSON: nothing is lost on the way', () => {
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });

  test('the temperature changes confidence, not the answers', () => {
    const cool = summarise({ ...input, temperature: 3 });
    expect(cool.top1).toBe(evaluation.top1);
    expect(cool.wrong[0].confidence).toBeLessThan(evaluation.wrong[0].confidence);
  });

  test('keeps no matrix for many classes, and refuses an empty split', () => {
    const classes = Array.from({ length: 41 }, (_, k) => `class ${k}`);
    const many = { ...input, classes, hierarchy: undefined, logits: new Float32Array(4 * 41) };
    expect(summarise(many).matrix).toBeUndefined();
    const empty = { ...input, logits: new Float32Array(), labels: [], ids: [] };
    expect(() => summarise(empty)).toThrow('Choose a split that has images');
  });
});

describe('what the figures say nothing of', () => {
  const ofLabels = (labels: number[]) => summarise({ ...input, labels });

  test('classes without photographs are named and counted', () => {
    const evaluation = ofLabels([0, 0, 2, 2]);
    expect(absentClasses(evaluation)).toEqual(['Common Gull']);
    expect(classesInWords(evaluation)).toBe('2 of 3 classes');
    expect(scopeNotes(evaluation)[0]).toBe(
      'No photograph of Common Gull is scored: the figures say nothing of them.',
    );
  });

  test('a model that does no better than the commonest name is told apart from one that does', () => {
    expect(scopeNotes(ofLabels([0, 1, 1, 2]))).toEqual([]);
    expect(scopeNotes(ofLabels([1, 1, 1, 0])).at(-1)).toMatch(
      /^Whoever always answers 'Common Gull' has a top-1 of 75\.0\s%: the model does no better\.$/,
    );
  });

  test('a single class is answered rightly whatever the model is worth', () => {
    const [absent, always] = scopeNotes(ofLabels([0, 0, 0, 0]));
    expect(absent).toContain('Common Gull, Arctic Tern');
    expect(always).toMatch(/'Herring Gull' has a top-1 of 100\.0\s%/);
  });
});
