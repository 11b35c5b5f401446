// How methods run the backbone of their task: from bytes to features, under the task's settings.

import { parametersOf } from '../graph/lower.ts';
import type { ParameterAttrs } from '../graph/tensor-type.ts';
import type { Value } from '../graph/value.ts';
import { type Features, SECOND_BACKBONE } from '../nn/backbones/backbone.ts';
import { pathsOfLevels } from '../nn/backbones/freeze.ts';
import { imageInput, normaliseImage } from '../nn/image-input.ts';
import type { BuildOptions } from '../nn/layers.ts';
import { Parameters, type Scope } from '../nn/scope.ts';
import type { MethodContext, SecondNetwork } from './method.ts';

/** Features of photographs, uint8 [N, S, S, 3]. Parameters are below `backbone.`. */
export function backboneFeatures(
  context: MethodContext,
  scope: Scope,
  image: Value,
  build: Pick<BuildOptions, 'norms' | 'dropout'>,
): Features {
  return featuresOfPlanes(context, scope, normaliseImage(image, context.pixels), build);
}

/** The same of images that are normalised already, float32 [N, 3, S, S]. */
export function featuresOfPlanes(
  { backbone, network, padding }: Pick<MethodContext, 'backbone' | 'network' | 'padding'>,
  scope: Scope,
  planes: Value,
  build: Pick<BuildOptions, 'norms' | 'dropout'>,
  place = 'backbone',
): Features {
  const { lastStage, pooling } = network;
  const options = { ...build, padding, lastStage, pooling };
  return backbone.features(scope.child(place), planes, options);
}

/** The same of the second network. Parameters are below `backbone2.`. */
export function secondFeatures(
  { network }: Pick<MethodContext, 'network'>,
  second: SecondNetwork,
  scope: Scope,
  planes: Value,
  build: Pick<BuildOptions, 'norms' | 'dropout'>,
): Features {
  return featuresOfPlanes({ ...second, network }, scope, planes, build, SECOND_BACKBONE);
}

/** True where layers of their own stand between the last map and the pooled features. */
export function hasHiddenLayers({ map, pooled }: Features): boolean {
  return pooled.shape[1] !== map.shape[1];
}

/** Paths of the parameters that what is built on photographs depends on. */
export function pathsBehind(build: (scope: Scope, image: Value) => Value): ReadonlySet<string> {
  const parameters = parametersOf([build(new Parameters().root(), imageInput(1, ANY_SIZE))]);
  return new Set(parameters.map(({ node }) => (node.attrs as ParameterAttrs).path));
}

/** Neither parameters nor channels depend on the size of the image. */
export const ANY_SIZE = 224;

/** Says of each path whether it trains: all but the stages that the task freezes. */
export function unfrozen({ backbone, network }: MethodContext): (path: string) => boolean {
  const frozen = pathsOfLevels(backbone, network.freeze);
  return (path) => !path.startsWith('backbone.') || !frozen.has(path.slice('backbone.'.length));
}
