// Which images train, which choose and which are held back, and folds for comparisons. Draws are keyed
// by image, so an added photograph leaves most of what is held out as it is. Folds are dealt in the
// order of the draws: there it moves many others, which `mustHoldBack` in folds.ts finds out.

import type { Dataset, Example } from '../core/example.ts';
import { randomStream } from '../core/random.ts';

export interface ChosenSplits {
  readonly train: Example[];
  readonly val: Example[];
  readonly test: Example[];
  /** `official`: the dataset's own; `held-out`: a tenth of train; `none`: too few images for one. */
  readonly valSource: 'official' | 'held-out' | 'none';
}

/** For each example id, what it must stay together with: duplicates have the same content hash. */
export type GroupOf = ReadonlyMap<string, string>;

/**
 * The official splits; where there is no validation split, a stratified tenth of train: at least
 * one image a class, none from classes with fewer than four. Groups never straddle.
 */
export function chooseSplits(dataset: Dataset, seed: number, groupOf?: GroupOf): ChosenSplits {
  const of = (split: string) => dataset.examples.filter((example) => example.split === split);
  const [train, val, test] = [of('train'), of('val'), of('test')];
  if (val.length > 0) return { train, val, test, valSource: 'official' };
  const { kept, held } = holdOut(train, { share: 0.1, seed, groupOf });
  return { train: kept, val: held, test, valSource: held.length > 0 ? 'held-out' : 'none' };
}

export interface HoldOutOptions {
  /** Share of every class to hold out, in (0, 1). */
  readonly share: number;
  readonly seed: number;
  /** Classes with fewer images give none. Default: 4. */
  readonly fewest?: number;
  readonly groupOf?: GroupOf;
}

/** A stratified part of the examples, in their order, with no group on both sides. */
export function holdOut(
  examples: readonly Example[],
  { share, seed, fewest = 4, groupOf }: HoldOutOptions,
): { kept: Example[]; held: Example[] } {
  const counts = countLabels(examples);
  const quota = new Map(
    [...counts].map(([label, n]) => [label, n < fewest ? 0 : Math.max(1, Math.round(n * share))]),
  );
  const units = inRandomOrder(groupUnits(examples, groupOf), seed, 'hold-out');
  const taken = new Map<number, number>();
  const held = new Set<Unit>();
  const take = (unit: Unit) => {
    held.add(unit);
    for (const [label, n] of unit.counts) taken.set(label, (taken.get(label) ?? 0) + n);
  };
  const fits = (unit: Unit, limit: (label: number) => number) =>
    [...unit.counts].every(([label, n]) => (taken.get(label) ?? 0) + n <= limit(label));
  for (const unit of units) if (fits(unit, (label) => quota.get(label)!)) take(unit);
  // a class whose groups are all larger than its share gives the smallest, up to half of itself
  const half = (label: number) => (quota.get(label) === 0 ? 0 : counts.get(label)! / 2);
  for (const unit of units.toSorted((a, b) => a.examples.length - b.examples.length)) {
    const wanted = [...unit.counts.keys()].some((label) => !taken.has(label));
    if (wanted && fits(unit, half)) take(unit);
  }
  const heldIds = new Set([...held].flatMap((unit) => unit.examples.map((example) => example.id)));
  return {
    kept: examples.filter((example) => !heldIds.has(example.id)),
    held: examples.filter((example) => heldIds.has(example.id)),
  };
}

/** `k` disjoint test folds over the examples, stratified by class, with no group in two of them. */
export function stratifiedFolds(
  examples: readonly Example[],
  k: number,
  seed: number,
  groupOf?: GroupOf,
): Example[][] {
  if (!Number.isInteger(k) || k < 2) throw new RangeError(`stratifiedFolds: k >= 2, got ${k}`);
  const folds = Array.from({ length: k }, () => new Set<string>());
  const perLabel = folds.map(() => new Map<number, number>());
  const units = inRandomOrder(groupUnits(examples, groupOf), seed, 'folds');
  const order = units.toSorted(
    (a, b) => a.label - b.label || b.examples.length - a.examples.length,
  );
  for (const unit of order) {
    const load = folds.map((fold, f) => [perLabel[f].get(unit.label) ?? 0, fold.size, f]);
    const [, , least] = load.reduce((a, b) => ((a[0] - b[0] || a[1] - b[1]) <= 0 ? a : b));
    for (const { id, label } of unit.examples) {
      folds[least].add(id);
      perLabel[least].set(label, (perLabel[least].get(label) ?? 0) + 1);
    }
  }
  return folds.map((fold) => examples.filter((example) => fold.has(example.id)));
}

/** For each example id, the smallest id of those that it stays together with. */
export function unitsOf(examples: readonly Example[], groupOf?: GroupOf): Map<string, string> {
  const units = groupUnits(examples, groupOf);
  return new Map(units.flatMap((unit) => unit.examples.map(({ id }) => [id, unit.id] as const)));
}

/** Examples that stay together. */
interface Unit {
  /** The smallest id of its examples. */
  readonly id: string;
  readonly label: number;
  readonly examples: readonly Example[];
  readonly counts: ReadonlyMap<number, number>;
}

/** Joins examples that share a group of the dataset, an entry of `groupOf`, or both by a chain. */
function groupUnits(examples: readonly Example[], groupOf?: GroupOf): Unit[] {
  const parent = examples.map((_, i) => i);
  const find = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const firstWith = new Map<string, number>();
  examples.forEach((example, i) => {
    const keys = [example.group && `g:${example.group}`, groupOf?.get(example.id)];
    for (const key of keys) {
      if (key === undefined || key === '') continue;
      const first = firstWith.get(key);
      if (first === undefined) firstWith.set(key, i);
      else parent[find(i)] = find(first);
    }
  });
  const members = new Map<number, Example[]>();
  examples.forEach((example, i) => {
    const root = find(i);
    const others = members.get(root);
    if (others) others.push(example);
    else members.set(root, [example]);
  });
  return [...members.values()].map(toUnit);
}

function toUnit(examples: Example[]): Unit {
  const id = examples.reduce((least, e) => (e.id < least ? e.id : least), examples[0].id);
  return { id, label: examples[0].label, examples, counts: countLabels(examples) };
}

function countLabels(examples: readonly Example[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function inRandomOrder(units: readonly Unit[], seed: number, purpose: string): Unit[] {
  const ranked = units.map((unit) => ({
    unit,
    rank: randomStream(seed, purpose, unit.id).uint32(),
  }));
  ranked.sort((a, b) => a.rank - b.rank || (a.unit.id < b.unit.id ? -1 : 1));
  return ranked.map(({ unit }) => unit);
}
