import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../bench/support/options.ts';

describe('options of the benchmark', () => {
  test('have defaults', () => {
    expect(parseOptions([])).toEqual({
      only: [],
      kinds: [],
      rounds: 7,
      threads: 2,
      out: 'bench-results.json',
      json: false,
      list: false,
      help: false,
    });
  });

  test('take lists with commas, and flags more than once', () => {
    const { only, kinds } = parseOptions(['--only', 'a,b', '--only', 'c', '--rows=step,jpeg']);
    expect(only).toEqual(['a', 'b', 'c']);
    expect(kinds).toEqual(['step', 'jpeg']);
  });

  test('refuse fewer than seven rounds, and what is no number', () => {
    expect(() => parseOptions(['--rounds', '6'])).toThrow(
      /--rounds: expected a whole number, at least 7, got 6/,
    );
    expect(() => parseOptions(['--threads', 'two'])).toThrow(/--threads/);
    expect(parseOptions(['--rounds', '21']).rounds).toBe(21);
  });

  test('refuse what they do not know', () => {
    expect(() => parseOptions(['--fast'])).toThrow(/--fast/);
    expect(() => parseOptions(['resnet18'])).toThrow(/bench: expected its options/);
  });
});
