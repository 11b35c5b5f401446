// Weights in the names of another library: what a network here has learnt goes elsewhere, and back.

import { type HostTensor, hostTensor } from '../core/tensor.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import type { NameScheme } from '../nn/backbones/foreign-names.ts';
import { findClassifier } from './classifier.ts';
import { compareWith, isWhole } from './fit.ts';
import { unfoldNorms } from './folded-norms.ts';
import { misfit } from './misfit.ts';
import { askedBelow, BACKBONE, networkParameters } from './network-parameters.ts';
import type { LoadedWeights } from './weights.ts';

/** Whose names a file is to have. */
export const targets = ['torchvision', 'timm'] as const;
export type Target = (typeof targets)[number];

/**
 * The tensors by the target's names, in the network's order; the classifier comes last. Tensors
 * that the network does not know keep their names; other copies of it are left out. FM_WEIGHTS where
 * they are of another network.
 */
export function convertNames(
  file: LoadedWeights,
  backbone: Backbone,
  target: Target,
): Map<string, HostTensor> {
  const parameters = networkParameters(backbone, 1);
  const tensors = unfoldNorms(parameters, file.tensors, BACKBONE, backbone.normEpsilon);
  const weights = { ...file, tensors };
  const asked = askedBelow(parameters, BACKBONE);
  const found = compareWith(asked, weights, backbone);
  if (!isWhole(found)) throw misfit(file, backbone, found);
  const { naming } = found;
  const scheme = schemeOf(backbone, target);
  const out = new Map<string, HostTensor>();
  const left = new Map(tensors);
  const move = (theirs: string, name: string, ownShape?: readonly number[]): void => {
    const tensor = left.get(theirs);
    if (tensor === undefined) return;
    left.delete(theirs);
    const shape = scheme.shapeOf?.(name, ownShape ?? tensor.shape) ?? ownShape ?? tensor.shape;
    out.set(scheme.of(name), hostTensor(tensor.dtype, shape, tensor.data as never));
  };
  for (const { name, shape } of asked) {
    move(naming.of(name), name, shape);
    const counter = name.replace(/running_var$/, 'num_batches_tracked');
    if (counter !== name) move(naming.of(counter), counter);
  }
  const heads = [...parameters.specs.values()].filter(({ path }) => path.startsWith('head.'));
  const used = new Set([...tensors.keys()].filter((name) => !left.has(name)));
  const names = findClassifier(heads, naming, weights, backbone, used);
  for (const [i, part] of ['weight', 'bias'].entries()) {
    if (names[i] !== undefined) move(names[i], `${backbone.headPath}.${part}`);
  }
  const isCopied = (name: string) =>
    out.has(name) || naming.others.some((prefix) => prefix !== '' && name.startsWith(prefix));
  for (const [name, tensor] of left) if (!isCopied(name)) out.set(name, tensor);
  return out;
}

/** Where timm has a network as torchvision has it, the names are the same. */
function schemeOf({ foreignNames = [] }: Backbone, target: Target): Omit<NameScheme, 'name'> {
  return foreignNames.find(({ name }) => name === target) ?? { of: (name: string) => name };
}
