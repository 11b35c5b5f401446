// The classifier in a file of weights: where the network keeps it, or, where people put their own there,
// the one layer that can be it.

import type { Backbone } from '../nn/backbones/backbone.ts';
import type { ParameterSpec } from '../nn/scope.ts';
import type { Naming } from './naming.ts';
import type { LoadedWeights } from './weights.ts';

/**
 * The file's names of the classifier's parameters, which ours are `heads`; none where there is no
 * classifier, or none that is certain. Where it is not at its place, it must be the only linear layer
 * that is left, and take the network's features: `fc.1` of an `nn.Sequential`, `head.fc`.
 */
export function findClassifier(
  heads: readonly ParameterSpec[],
  naming: Naming,
  { tensors }: Pick<LoadedWeights, 'tensors'>,
  { headPath }: Backbone,
  used: ReadonlySet<string>,
): string[] {
  const parts = heads.map(({ path }) => path.slice(path.indexOf('.') + 1));
  const at = (layer: string) => parts.map((part) => `${layer}.${part}`);
  const usual = naming.of(`${headPath}.weight`).replace(/\.weight$/, '');
  if (tensors.has(`${usual}.weight`)) return at(usual);
  const columns = heads.find(({ path }) => path === 'head.weight')?.shape[1];
  const matrices = [...tensors].filter(
    ([name, { shape }]) => name.endsWith('.weight') && shape.length === 2 && !used.has(name),
  );
  if (matrices.length !== 1) return []; // hidden layers, or those of other tasks
  const [[name, { shape }]] = matrices;
  const layer = name.slice(0, -'.weight'.length);
  return shape[1] === columns && tensors.has(`${layer}.bias`) ? at(layer) : [];
}
