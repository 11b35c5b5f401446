// One name for a class that is spelt in several ways: archives made on a Mac take letters with
// accents apart, and people are careless with capitals.

import type { Split } from '../../core/example.ts';
import { firstNames } from './left-out.ts';

/** The name of a class, where it was found. */
interface Named {
  readonly className: string;
  readonly split: Split;
}

export interface SpeltNames {
  /** The name of its class for each spelling. */
  readonly nameOf: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * Spellings that differ in Unicode normalisation are one class. So are those that differ in
 * capitals, where no split has two of them. The class is spelt as in the training split.
 */
export function unifySpellings(found: readonly Named[]): SpeltNames {
  const inOrder = [...found].sort(
    (a, b) => Number(b.split === 'train') - Number(a.split === 'train'),
  );
  const splitsOf = new Map<string, Set<Split>>();
  for (const { className, split } of inOrder) {
    splitsOf.set(className, (splitsOf.get(className) ?? new Set()).add(split));
  }
  const groups = new Map<string, string[]>();
  for (const name of splitsOf.keys()) {
    const key = name.normalize().toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  const nameOf = new Map<string, string>();
  const notes: string[] = [];
  const joined: string[] = [];
  for (const spellings of groups.values()) {
    const letters = new Set(spellings.map((name) => name.normalize()));
    const apart = letters.size > 1 && clash(spellings, splitsOf);
    if (apart) notes.push(`classes that differ in capitals alone: ${spellings.join(', ')}`);
    for (const name of spellings) {
      const same = spellings.find((one) => !apart || one.normalize() === name.normalize())!;
      nameOf.set(name, same);
      if (same !== name) joined.push(letters.size > 1 && !apart ? `${name} is ${same}` : same);
    }
  }
  if (joined.length > 0) {
    notes.push(
      `one class where names differ in capitals or in how accents are stored: ${firstNames(joined)}`,
    );
  }
  return { nameOf, notes };
}

/** Whether a split has two spellings, which are then two classes. */
function clash(
  spellings: readonly string[],
  splitsOf: ReadonlyMap<string, ReadonlySet<Split>>,
): boolean {
  return (['train', 'val', 'test'] as const).some((split) => {
    const there = spellings.filter((name) => splitsOf.get(name)!.has(split));
    return new Set(there.map((name) => name.normalize())).size > 1;
  });
}

/**
 * For each name its index among the known ones, -1 where it is none of them. Unicode normalisation
 * does not count, nor do capitals where no two names differ in them alone.
 */
export function indicesOfNames(names: readonly string[], known: readonly string[]): number[] {
  const spelt = (name: string) => name.normalize();
  const small = (name: string) => name.normalize().toLowerCase();
  const areTold = [names, known].every((list) => new Set(list.map(small)).size === list.length);
  const exact = new Map(known.map((name, i) => [spelt(name), i]));
  const loose = new Map(known.map((name, i) => [small(name), i]));
  return names.map((name) => {
    return exact.get(spelt(name)) ?? (areTold ? loose.get(small(name)) : undefined) ?? -1;
  });
}
