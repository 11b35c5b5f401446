// Where a checkpoint keeps the state dict of its network: among whatever stands beside it, under any
// name, some levels down. Which one is meant where there are several.

import { storedWidths, typeInWords } from '../core/stored-tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { Inert } from './inert.ts';
import { noStateDict } from './no-state-dict.ts';
import { byPreference, type Copy } from './preference.ts';
import { StoredTensor } from './torch-objects.ts';

/** Lists of networks are short, lists of losses are not. */
const LONGEST_LIST = 16;
const MAX_DEPTH = 6;
/** What has fewer tensors beside a network is a head of it, or one tensor of another kind. */
const FEWEST = 8;
/** The same, as a part of the largest. */
const SMALLEST = 1 / 8;

/** Tensors by name, as a file keeps them. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What is no tensor that can be read here, by name: `int8`, or `made by '...'`. */
  readonly unread: ReadonlyMap<string, string>;
  /** The keys that lead to it, `model_ema.module`; empty where it is the whole file. */
  readonly place: string;
  /** Where others are that might have been meant. */
  readonly others: readonly string[];
}

interface Candidate extends Copy {
  readonly entries: ReadonlyMap<unknown, unknown>;
}

/** Finds it. FM_FORMAT where nothing has tensors by name, which says what is there instead. */
export function findStateDict(source: ByteSource, root: unknown): StateDict {
  const all = candidates(root);
  const [chosen, ...others] = meant(all);
  if (chosen === undefined) throw noStateDict(source, root);
  const tensors = new Map<string, StoredTensor>();
  const unread = new Map<string, string>();
  for (const [name, value] of chosen.entries) {
    if (typeof name !== 'string') continue;
    if (value instanceof Inert) unread.set(name, `made by '${value.path.slice(0, 100)}'`);
    if (!(value instanceof StoredTensor)) continue;
    const { dtype } = value.storage;
    if (Object.hasOwn(storedWidths, dtype)) tensors.set(name, value);
    else unread.set(name, typeInWords(dtype));
  }
  return { tensors, unread, place: chosen.name, others: others.map(({ name }) => name) };
}

/** Every dictionary with tensors by name, those further up first. */
function candidates(root: unknown): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<unknown>([root]); // what is shared, or holds itself, is visited once
  let level: [place: string, value: unknown][] = [['', root]];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: typeof level = [];
    for (const [place, value] of level) {
      const entries = entriesOf(value);
      if (entries === undefined) continue;
      const size = countTensors(entries);
      if (size > 0) found.push({ name: place, entries, size });
      for (const [key, below] of entries) {
        if (entriesOf(below) === undefined || seen.has(below)) continue;
        seen.add(below);
        const step = typeof key === 'string' || typeof key === 'number' ? key : '?';
        next.push([place === '' ? `${step}` : `${place}.${step}`.slice(0, 200), below]);
      }
    }
    level = next;
  }
  return found;
}

function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  if (value instanceof Inert) return value.entries;
  if (!Array.isArray(value) || value.length > LONGEST_LIST) return undefined;
  return new Map(value.entries());
}

function countTensors(entries: ReadonlyMap<unknown, unknown>): number {
  let count = 0;
  for (const [name, value] of entries) {
    // older files lack these counters, and so do averages
    const counts = typeof name === 'string' && !name.endsWith('num_batches_tracked');
    if (counts && value instanceof StoredTensor) count++;
  }
  return count;
}

/** Those that may be meant, the first the most likely. */
function meant(all: readonly Candidate[]): Candidate[] {
  const most = all.reduce((largest, { size }) => Math.max(largest, size), 0);
  const least = Math.max(most * SMALLEST, Math.min(most, FEWEST));
  return byPreference(all.filter(({ size }) => size >= least));
}
