// Weights in the names of another library: what a network here has learnt goes elsewhere, and back.

import { fail } from '../core/errors.ts';
import { type HostTensor, hostTensor } from '../core/tensor.ts';
import { input } from '../graph/ops/leaf.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import type { NameScheme } from '../nn/backbones/foreign-names.ts';
import { linear } from '../nn/layers.ts';
import { Parameters } from '../nn/scope.ts';
import { findNaming } from './fill.ts';
import type { LoadedWeights } from './weights.ts';

/** Whose names a file is to have. */
export const targets = ['torchvision', 'timm'] as const;
export type Target = (typeof targets)[number];

/** No parameter depends on it. */
const SIZE = 224;

/** All parameters of a network with a classifier, below `backbone.` and `head.`. */
export function networkParameters(backbone: Backbone, classes: number): Parameters {
  const parameters = new Parameters();
  const root = parameters.root();
  const image = input('image', [1, 3, SIZE, SIZE]);
  const build = { norms: 'frozen', padding: 'torch' } as const;
  linear(
    root.child('head'),
    backbone.features(root.child('backbone'), image, build).pooled,
    classes,
  );
  return parameters;
}

/**
 * The tensors by the target's names, in the network's order; the classifier comes last. Tensors
 * that the network does not know keep their names. FM_WEIGHTS where parameters are missing.
 */
export function convertNames(
  weights: LoadedWeights,
  backbone: Backbone,
  target: Target,
): Map<string, HostTensor> {
  const paths = [...networkParameters(backbone, 1).specs.values()];
  const needed = paths.filter(({ path }) => path.startsWith('backbone.'));
  const naming = findNaming(needed, weights, backbone.foreignNames ?? []);
  const scheme = schemeOf(backbone, target);
  const out = new Map<string, HostTensor>();
  const left = new Map(weights.tensors);
  const missing: string[] = [];
  const move = (name: string, ownShape?: readonly number[]): boolean => {
    const tensor = left.get(naming.of(name));
    if (tensor === undefined) return false;
    left.delete(naming.of(name));
    const shape = scheme.shapeOf?.(name, ownShape ?? tensor.shape) ?? ownShape ?? tensor.shape;
    out.set(scheme.of(name), hostTensor(tensor.dtype, shape, tensor.data as never));
    return true;
  };
  for (const { path, shape } of needed) {
    const name = path.slice('backbone.'.length);
    if (!move(name, shape)) missing.push(naming.of(name));
    if (name.endsWith('running_var')) move(name.replace(/running_var$/, 'num_batches_tracked'));
  }
  if (missing.length > 0) {
    throw fail('FM_WEIGHTS', weights.path, {
      expected: `weights of ${backbone.name}`,
      got: `${missing.length} missing: ${missing.slice(0, 4).join(', ')}`,
      next: 'Name the network that they belong to with --backbone.',
    });
  }
  for (const name of ['weight', 'bias']) move(`${backbone.headPath}.${name}`);
  for (const [name, tensor] of left) out.set(name, tensor);
  return out;
}

/** Where timm has a network as torchvision has it, the names are the same. */
function schemeOf({ foreignNames = [] }: Backbone, target: Target): Omit<NameScheme, 'name'> {
  return foreignNames.find(({ name }) => name === target) ?? { of: (name: string) => name };
}
