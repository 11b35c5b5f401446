// Whether a file of weights is of a network: what of the network is missing in it, and what of another
// network it has besides.

import { showShape } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import { type Asked, findNaming, hasShape, type Naming } from './naming.ts';
import type { LoadedWeights } from './weights.ts';

export interface Fit {
  readonly naming: Naming;
  /** Parameters that the file lacks, by its names. */
  readonly missing: readonly string[];
  /** What is there but of another shape, in words. */
  readonly differing: readonly string[];
  /** What is there but not in numbers that a network here can have, in words. */
  readonly unreadable: readonly string[];
  /** Layers of the file that stand among those of the network, which has no such layers. */
  readonly surplus: readonly string[];
}

/** Compares a file with the parameters of a network. */
export function compareWith(
  asked: readonly Asked[],
  weights: Pick<LoadedWeights, 'tensors' | 'unread'>,
  backbone: Backbone,
): Fit {
  const { tensors, unread } = weights;
  const naming = findNaming(asked, tensors, backbone.foreignNames ?? []);
  const missing: string[] = [];
  const differing: string[] = [];
  const unreadable: string[] = [];
  const used = new Set<string>();
  for (const { name, shape } of asked) {
    const theirs = naming.of(name);
    const tensor = tensors.get(theirs);
    const type = unread?.get(theirs);
    if (type !== undefined) unreadable.push(`${theirs} is ${type}`);
    else if (tensor === undefined) missing.push(theirs);
    else if (!hasShape(tensor, shape)) {
      differing.push(`${theirs} is ${showShape(tensor.shape)}, not ${showShape(shape)}`);
    } else if (!isFloat(tensor)) unreadable.push(`${theirs} is ${tensor.dtype}`);
    used.add(theirs);
  }
  const more = surplus(asked, naming, tensors, used, backbone);
  return { naming, missing, differing, unreadable, surplus: more };
}

/** Whether all of the network is there, and nothing of another one. */
export function isWhole({ missing, differing, unreadable, surplus }: Fit): boolean {
  return missing.length + differing.length + unreadable.length + surplus.length === 0;
}

function isFloat({ dtype }: HostTensor): boolean {
  return dtype === 'float32' || dtype === 'float64';
}

/**
 * Kernels and matrices that no parameter of ours is made of, in modules that are ours or that count on
 * behind them (`layer5` behind `layer4`): without them the network would compute something else.
 * Classifiers and what stands beside the network, such as a detector's parts, do not count.
 */
function surplus(
  asked: readonly Asked[],
  { of, prefix }: Naming,
  tensors: ReadonlyMap<string, HostTensor>,
  used: ReadonlySet<string>,
  { headPath }: Backbone,
): string[] {
  const moduleOf = (name: string) => name.slice(prefix.length).split('.', 1)[0];
  const modules = new Set(asked.map(({ name }) => moduleOf(of(name))));
  const series = new Set([...modules].flatMap(seriesOf));
  const head = moduleOf(of(`${headPath}.weight`));
  return [...tensors].flatMap(([name, tensor]) => {
    const axes = tensor.shape.length;
    const module = moduleOf(name);
    if (used.has(name) || !name.startsWith(prefix) || axes < 2 || module === head) return [];
    if (!isFloat(tensor) || used.has(name.replace(/[._][^._]*$/, ''))) return [];
    const follows = axes === 4 && seriesOf(module).some((one) => series.has(one));
    return modules.has(module) || follows ? [name] : [];
  });
}

/** `layer` of `layer4`; numbers alone are of the series without a name. */
function seriesOf(module: string): string[] {
  const match = /^(.*?)\d+$/.exec(module);
  return match === null ? [] : [match[1]];
}
