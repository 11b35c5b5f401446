import { describe, expect, it } from 'vitest';
import {
  adjectivesOf,
  differingMarks,
  markNames,
  valuesOf,
} from '../../../src/data/aviary/field-marks.ts';
import { designSpecies } from '../../../src/data/aviary/species.ts';

const counts = [2, 3, 5, 12, 13, 50, 237, 1200];

describe('designSpecies', () => {
  it.each(counts)('gives %i species with unique names and unique marks', (classes) => {
    const species = designSpecies({ classes, seed: 3 });
    expect(species).toHaveLength(classes);
    expect(new Set(species.map(({ name }) => name)).size).toBe(classes);
    expect(new Set(species.map(({ marks }) => JSON.stringify(marks))).size).toBe(classes);
  });

  it.each(counts)('of %i: any two in a genus differ in one or two marks', (classes) => {
    for (const genus of generaOf(classes)) {
      expect(genus.length).toBeGreaterThanOrEqual(2);
      for (const a of genus) {
        for (const b of genus) {
          if (a !== b) expect(differingMarks(a.marks, b.marks).length).toBeLessThanOrEqual(2);
        }
      }
    }
  });

  it('names the genus last, in one word, in files-safe letters', () => {
    for (const { name, genus } of designSpecies({ classes: 1200 })) {
      expect(name.endsWith(` ${genus}`)).toBe(true);
      expect(name).toMatch(/^[A-Z][A-Za-z-]+ [A-Z][a-z]+$/);
    }
  });

  it('is a function of the seed', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => JSON.stringify(designSpecies({ seed })));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  it('keeps the genera apart by at least three marks at the default size', () => {
    const genera = generaOf(12).map((genus) => genus[0].marks);
    for (const [i, a] of genera.entries()) {
      for (const b of genera.slice(i + 1)) {
        expect(differingMarks(a, b).length).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('respects the number of species per genus', () => {
    const sizes = generaOf(48, 6).map((genus) => genus.length);
    expect(sizes).toEqual(new Array(8).fill(6));
  });
});

describe('fieldMarks', () => {
  it('names every value with words that are its own within the mark', () => {
    for (const mark of markNames) {
      const words = valuesOf(mark).flatMap((value) => adjectivesOf(mark, value));
      expect(new Set(words).size).toBe(words.length);
    }
  });
});

function generaOf(classes: number, speciesPerGenus?: number) {
  const genera = new Map<string, ReturnType<typeof designSpecies>>();
  for (const one of designSpecies({ classes, seed: 3, speciesPerGenus })) {
    genera.set(one.genus, [...(genera.get(one.genus) ?? []), one]);
  }
  return [...genera.values()];
}
