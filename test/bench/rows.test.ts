import { describe, expect, test } from 'vitest';
import { allRows, kinds, selectRows } from '../../bench/rows.ts';
import { backbones } from '../../src/nn/backbones/table.ts';

const names = (only: string[], of: string[] = []) =>
  selectRows(allRows(), { only, kinds: of }).map(({ name }) => name);

describe('rows', () => {
  test('have names of their own that begin with their kind', () => {
    const rows = allRows();
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    for (const { name, work } of rows) expect(name.split(':')[0]).toBe(work.kind);
    expect(new Set(rows.map(({ work }) => work.kind))).toEqual(new Set(kinds));
  });

  test('exist for backbones of ours only', () => {
    const ours = new Set(backbones.map(({ name }) => name));
    for (const { work } of allRows()) if ('net' in work) expect(ours).toContain(work.net);
    expect(names(['resnet18'], ['step'])).toEqual(['step:resnet18:frozen', 'step:resnet18:train']);
  });

  test('compare every kind with PyTorch', () => {
    for (const { contestants } of allRows()) {
      expect(contestants).toContain('portable');
      expect(contestants).toContain('torch');
    }
  });
});

describe('selection', () => {
  test('without restrictions is everything', () => {
    expect(names([])).toHaveLength(allRows().length);
  });

  test('by words takes rows that contain any of them', () => {
    const found = names(['resnet18', 'mobilenet_v2']);
    expect(found).toContain('step:mobilenet_v2:train');
    expect(found).toContain('infer:resnet18:b1');
    expect(found.every((name) => /resnet18|mobilenet_v2/.test(name))).toBe(true);
  });

  test('by kind and by words narrows both ways', () => {
    expect(names(['mobilenet_v2', 'jpeg'], ['infer', 'jpeg'])).toEqual([
      'infer:mobilenet_v2:b1',
      'infer:mobilenet_v2:b16',
      'jpeg',
    ]);
  });

  test('of an unknown kind, or of nothing, is a usage error', () => {
    expect(() => names([], ['steps'])).toThrow(/--rows: expected kinds .*got steps/);
    expect(() => names(['resnet19'])).toThrow(/got resnet19/);
  });
});
