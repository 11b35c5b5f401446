// How methods run the backbone of their task: from bytes to features, under the task's settings.

import { parametersOf } from '../graph/lower.ts';
import { input } from '../graph/ops/leaf.ts';
import type { ParameterAttrs, Value } from '../graph/value.ts';
import type { Features } from '../nn/backbones/backbone.ts';
import { pathsOfStages } from '../nn/backbones/freeze.ts';
import { normaliseImage } from '../nn/image-input.ts';
import type { BuildOptions } from '../nn/layers.ts';
import { Parameters, type Scope } from '../nn/scope.ts';
import type { MethodContext } from './method.ts';

/** Features of photographs, uint8 [N, S, S, 3]. Parameters are below `backbone.`. */
export function backboneFeatures(
  { backbone, network, padding, pixels }: MethodContext,
  scope: Scope,
  image: Value,
  build: Pick<BuildOptions, 'norms' | 'dropout'>,
): Features {
  const { lastStage, pooling } = network;
  const options = { ...build, padding, lastStage, pooling };
  return backbone.features(scope.child('backbone'), normaliseImage(image, pixels), options);
}

/** True where layers of their own stand between the last map and the pooled features. */
export function hasHiddenLayers({ map, pooled }: Features): boolean {
  return pooled.shape[1] !== map.shape[1];
}

/** Paths of the parameters that what is built on photographs depends on. */
export function pathsBehind(build: (scope: Scope, image: Value) => Value): ReadonlySet<string> {
  const image = input('image', [1, ANY_SIZE, ANY_SIZE, 3], 'uint8');
  const parameters = parametersOf([build(new Parameters().root(), image)]);
  return new Set(parameters.map(({ node }) => (node.attrs as ParameterAttrs).path));
}

/** No parameter depends on the size of the image. */
const ANY_SIZE = 224;

/** Says of each path whether it trains: all but the stages that the task freezes. */
export function unfrozen({ backbone, network }: MethodContext): (path: string) => boolean {
  const frozen = pathsOfStages(backbone, network.freeze);
  return (path) => !path.startsWith('backbone.') || !frozen.has(path.slice('backbone.'.length));
}
