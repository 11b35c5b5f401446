// A frozen network from an ONNX file as a backbone: how one of its tensors becomes the features,
// and another one, or the same, the map.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { type Embedding, embed } from '../../graph/ops/embed.ts';
import { reshape, transpose } from '../../graph/ops/movement.ts';
import { globalAveragePool } from '../../graph/ops/pool.ts';
import { mean } from '../../graph/ops/reduce.ts';
import { slice } from '../../graph/ops/slice.ts';
import type { Value } from '../../graph/value.ts';
import type { Backbone, Features } from './backbone.ts';

/** Which token of [N, T, D] are the features: the first one, or the mean of the patches' tokens. */
export type TokenChoice = 'first' | 'mean';

/**
 * What a tensor of a network means, for N images:
 * - `vector`: [N, D], or that with axes of size 1;
 * - `tokens`: [N, T, D], of which the last `grid` x `grid` are patches, row by row; `grid` is 0
 *   where they are not known to be;
 * - `nchw`, `nhwc`: maps.
 */
export type Reading =
  | { readonly kind: 'vector' }
  | { readonly kind: 'nchw' }
  | { readonly kind: 'nhwc' }
  | { readonly kind: 'tokens'; readonly grid: number };

/** More tokens before those of the patches than any network has. */
const MOST_EXTRA_TOKENS = 16;

/**
 * What a tensor is, by its shape for one image (without the leading axis); undefined where it is
 * none of these. Cubes are maps with channels as the image has them, `layout`.
 */
export function readingOf(shape: Shape, layout: 'nchw' | 'nhwc'): Reading | undefined {
  const long = shape.filter((dim) => dim !== 1).length;
  if (shape.length > 0 && shape.length <= 3 && long <= 1 && sizeOf(shape) > 0) {
    return { kind: 'vector' };
  }
  if (shape.length === 2) return { kind: 'tokens', grid: gridOf(shape[0]) };
  if (shape.length !== 3) return undefined;
  const [a, b, c] = shape;
  if (a === b && b === c) return { kind: layout };
  if (b === c) return { kind: 'nchw' };
  return a === b ? { kind: 'nhwc' } : undefined;
}

/** Side of the largest square of patches among T tokens, where few are left over; else 0. */
function gridOf(tokens: number): number {
  const side = Math.floor(Math.sqrt(tokens));
  return side > 1 && tokens - side * side <= MOST_EXTRA_TOKENS ? side : 0;
}

/** Tensors of a network that are of use: by their places in the embedding's outputs. */
export interface ForeignFeatures {
  readonly embedding: Embedding;
  readonly feature: Reading;
  readonly token: TokenChoice;
  /** Of the second output; where absent the map is made of the feature. */
  readonly map?: Reading;
  /** `onnx:dinov2.onnx` */
  readonly name: string;
  /** Numbers in the network, in millions. */
  readonly millionParameters: number;
}

/** The backbone. Its features need images of the embedding's size; no gradient flows through it. */
export function foreignBackbone(options: ForeignFeatures): Backbone {
  const { embedding, name, millionParameters } = options;
  return {
    name,
    citation: name,
    headPath: 'head',
    millionParameters,
    dropout: 0,
    frozen: true,
    features: (_, image) => {
      const [feature, other] = embed(image, embedding);
      return features(feature, other, options);
    },
  };
}

function features(
  feature: Value,
  other: Value | undefined,
  { embedding, feature: reading, map: mapReading, token }: ForeignFeatures,
): Features {
  const pooled = pool(feature, reading, token);
  const map =
    other === undefined || mapReading === undefined
      ? mapOf(feature, reading, token)
      : mapOf(other, mapReading, token);
  const stride = embedding.size / map.shape[2];
  const levels = [{ name: embedding.outputs.at(-1)!.name, value: map, stride }];
  return { levels, map, pooled };
}

/** [N, D] */
function pool(x: Value, reading: Reading, token: TokenChoice): Value {
  const [n, ...rest] = x.shape;
  if (reading.kind === 'vector') return reshape(x, [n, sizeOf(rest)]);
  if (reading.kind !== 'tokens') return globalAveragePool(channelsFirst(x, reading));
  if (token === 'first') return reshape(slice(x, 1, 0, 1), [n, rest[1]]);
  return mean(patches(x, reading.grid), [1]);
}

/** [N, C, h, w]; 1 x 1 where the tensor has no places. */
function mapOf(x: Value, reading: Reading, token: TokenChoice): Value {
  if (reading.kind === 'nchw' || reading.kind === 'nhwc') return channelsFirst(x, reading);
  const grid = reading.kind === 'tokens' ? reading.grid : 0;
  if (grid > 0) {
    const [n, , channels] = x.shape;
    return reshape(transpose(patches(x, grid), [0, 2, 1]), [n, channels, grid, grid]);
  }
  const flat = pool(x, reading, token);
  return reshape(flat, [...flat.shape, 1, 1]);
}

/** Tokens of the patches, which come last: [N, grid x grid, D]; all where no grid is known. */
function patches(x: Value, grid: number): Value {
  const tokens = x.shape[1];
  return grid === 0 ? x : slice(x, 1, tokens - grid * grid, tokens);
}

function channelsFirst(x: Value, { kind }: Reading): Value {
  return kind === 'nhwc' ? transpose(x, [0, 3, 1, 2]) : x;
}
