// What the stages and the recogniser of bilinear CNNs share: which maps are pooled, how, and what of an
// image is cached.

import type { Value } from '../graph/value.ts';
import { type BilinearDescriptor, bilinearPooling, bilinearSize } from '../nn/bilinear-pooling.ts';
import { compactBilinearPooling } from '../nn/compact-bilinear.ts';
import type { NormMode } from '../nn/layers.ts';
import type { Scope } from '../nn/scope.ts';
import { backboneFeatures } from './backbone-pass.ts';
import type { BilinearOptions } from './bilinear.ts';
import type { MethodContext } from './method.ts';

/** Without a dimension the descriptor is the whole matrix. */
export type BilinearContext = MethodContext<BilinearOptions & { readonly dimension?: number }>;

/** Descriptors of up to so many bytes are cached as they are: then step one is one product a step. */
const CACHED_BYTES = 1e6;

/** The map of the descriptors, and the network's last map. Hidden layers behind it are not built. */
export function descriptorsOf(
  context: BilinearContext,
  scope: Scope,
  image: Value,
  norms: NormMode,
): { readonly map: Value; readonly descriptors: Value } {
  const network = { ...context.network, pooling: 'average' as const };
  const features = backboneFeatures({ ...context, network }, scope, image, { norms });
  const { map, descriptors = map } = features;
  return { map, descriptors };
}

export function pool(context: BilinearContext, scope: Scope, map: Value): BilinearDescriptor {
  const { dimension } = context.options;
  if (dimension === undefined) return bilinearPooling(map);
  return compactBilinearPooling(scope.child('sketch'), map, map, dimension);
}

/**
 * What is cached of photographs: their unit descriptors, [N, D], or in the place of those above a
 * megabyte their maps, [N, C, h, w]. Of 2048 channels the descriptor has 8 MB, a map of 7 x 7 places
 * 0.4 MB, and pooling it again in each step takes longer than the classifier.
 */
export function rowOf(context: BilinearContext, scope: Scope, image: Value): Value {
  const { descriptors } = descriptorsOf(context, scope, image, 'frozen');
  const numbers = context.options.dimension ?? bilinearSize(descriptors.shape[1]);
  const large = 4 * numbers > CACHED_BYTES;
  return large ? descriptors : pool(context, scope, descriptors).unit;
}

/** Unit descriptors [N, D] of cached rows. */
export function unitOf(context: BilinearContext, scope: Scope, rows: Value): Value {
  return rows.shape.length === 4 ? pool(context, scope, rows).unit : rows;
}

/** What a person with too little memory may choose. */
export function lighterThan({ options: { dimension } }: BilinearContext): string {
  return dimension === undefined
    ? 'Take --method compact-bilinear, or a --backbone with fewer channels.'
    : 'Take a smaller options.dimension, or a --backbone with fewer channels.';
}
