// How a file calls the parameters of a network: by whose names, below which prefix. The plan that most of
// the file's names agree on is the naming; one name that looks alike by chance decides nothing.

import { type Shape, sameShape, sizeOf } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import { byPreference } from '../formats/preference.ts';
import type { NameScheme } from '../nn/backbones/foreign-names.ts';

/** How a file calls the parameters of a network. */
export interface Naming {
  /** The library whose names the file has, where they are not torchvision's; or IN_ORDER. */
  readonly scheme: string | undefined;
  /** What stands before all names: `encoder.`. */
  readonly prefix: string;
  /** The file's name for a parameter of ours. */
  readonly of: (name: string) => string;
  /** How much of what is asked for is there by such names. */
  readonly hits: number;
  /** Other prefixes below which the network stands as well. */
  readonly others: readonly string[];
}

/** A parameter that is asked for, by our name. */
export interface Asked {
  readonly name: string;
  readonly shape: Shape;
}

/** The scheme of networks that were taken apart. */
export const IN_ORDER = 'the order of its modules';

type Tensors = ReadonlyMap<string, HostTensor>;

/** The naming under which the file has most of what is asked for; torchvision's where none has half. */
export function findNaming(
  asked: readonly Asked[],
  tensors: Tensors,
  foreign: readonly NameScheme[],
): Naming {
  const own = { name: undefined, of: (name: string) => name };
  const plans = [own, ...foreign].flatMap((scheme) => plansOf(scheme, asked, tensors));
  const [best] = plans.sort((a, b) => b.hits - a.hits || b.fits - a.fits);
  if (best?.fits === asked.length) return best;
  const found = inOrder(asked, tensors);
  if (found !== undefined) return found;
  return best !== undefined && 2 * best.hits >= asked.length ? best : { ...NOTHING, of: own.of };
}

const NOTHING = { scheme: undefined, prefix: '', hits: 0, others: [] };

interface Plan extends Naming {
  /** How much of it has its shape. */
  readonly fits: number;
}

/** The best prefix for a scheme's names, if any of them is in the file. */
function plansOf(
  { name: scheme, of: rename }: { name: string | undefined; of: NameScheme['of'] },
  asked: readonly Asked[],
  tensors: Tensors,
): Plan[] {
  const renamed = asked.map(({ name }) => rename(name));
  const hits = votes(new Set(renamed), tensors.keys());
  const most = largest(hits.values());
  const plans = [...hits.keys()]
    .filter((prefix) => hits.get(prefix) === most)
    .map((prefix) => {
      const of = (name: string) => prefix + rename(name);
      const fits = asked.filter(({ name, shape }) => hasShape(tensors.get(of(name)), shape)).length;
      return { scheme, prefix, of, hits: most, fits, name: prefix, size: fits };
    });
  const fits = largest(plans.map((plan) => plan.fits));
  const [best, ...others] = byPreference(plans.filter((plan) => plan.fits === fits));
  return best === undefined ? [] : [{ ...best, others: others.map(({ prefix }) => prefix) }];
}

/** A file may have more names than a call can have arguments. */
function largest(numbers: Iterable<number>): number {
  let most = 0;
  for (const number of numbers) most = Math.max(most, number);
  return most;
}

/** By prefix, how many of the names stand behind it. */
function votes(wanted: ReadonlySet<string>, names: Iterable<string>): Map<string, number> {
  const longest = largest([...wanted].map(({ length }) => length));
  const found = new Map<string, number>();
  for (const name of names) {
    for (let at = name.length; at > 0 && name.length - at <= longest; ) {
      at = at > 1 ? name.lastIndexOf('.', at - 2) + 1 : 0;
      if (!wanted.has(name.slice(at))) continue;
      const prefix = name.slice(0, at);
      found.set(prefix, (found.get(prefix) ?? 0) + 1);
    }
  }
  return found;
}

/**
 * Networks taken apart into a list, `nn.Sequential(*network.children())`, have numbers for the names of
 * their uppermost modules. They are those of ours in order, if all shapes say so.
 */
function inOrder(asked: readonly Asked[], tensors: Tensors): Naming | undefined {
  const ours = [...new Set(asked.map(({ name }) => name.split('.', 1)[0]))];
  for (const [prefix, numbers] of numbered(tensors.keys())) {
    const theirs = [...numbers].sort((a, b) => a - b).slice(0, ours.length);
    const places = new Map(ours.map((module, i) => [module, theirs[i]]));
    const of = (name: string) => {
      const [module] = name.split('.', 1);
      return `${prefix}${places.get(module) ?? module}${name.slice(module.length)}`;
    };
    const fits = asked.every(({ name, shape }) => hasShape(tensors.get(of(name)), shape));
    if (fits) return { scheme: IN_ORDER, prefix, of, hits: asked.length, others: [] };
  }
  return undefined;
}

/** No module is so deep; the work grows with the square of it. */
const LONGEST_NAME = 500;

/** By prefix, the numbers that come behind it as a step of a name. */
function numbered(names: Iterable<string>): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  for (const name of names) {
    if (name.length > LONGEST_NAME) continue;
    for (const { index, 1: before, 2: number } of name.matchAll(/(^|\.)(\d+)(?=\.)/g)) {
      const prefix = name.slice(0, index + before.length);
      const numbers = found.get(prefix) ?? new Set();
      found.set(prefix, numbers.add(Number(number)));
    }
  }
  return found;
}

/** Whether a tensor has the shape, or the same numbers for a layer that is kept as a convolution. */
export function hasShape(tensor: HostTensor | undefined, shape: Shape): boolean {
  if (tensor === undefined) return false;
  const flattened = tensor.shape[0] === shape[0] && sizeOf(tensor.shape) === sizeOf(shape);
  return sameShape(tensor.shape, shape) || flattened;
}
