// What the stages and the recogniser of bilinear CNNs share: which maps are pooled, how, and what of an
// image is cached.

import { fail } from '../../core/errors.ts';
import { showShape } from '../../core/shape.ts';
import { concat, slice, split } from '../../graph/ops/slice.ts';
import type { Value } from '../../graph/value.ts';
import type { Features } from '../../nn/backbones/backbone.ts';
import {
  type BilinearDescriptor,
  bilinearPooling,
  bilinearSize,
} from '../../nn/bilinear-pooling.ts';
import { compactBilinearPooling } from '../../nn/compact-bilinear.ts';
import { imageInput, normaliseImage } from '../../nn/image-input.ts';
import type { NormMode } from '../../nn/layers.ts';
import { objectSquare } from '../../nn/object-square.ts';
import { finerLevel, mirrored } from '../../nn/scda.ts';
import { Parameters, type Scope } from '../../nn/scope.ts';
import { zoom } from '../../nn/zoom.ts';
import { ANY_SIZE, featuresOfPlanes, secondFeatures } from '../backbone-pass.ts';
import type { MethodContext, SecondNetwork } from '../method.ts';
import type { BilinearOptions } from './options.ts';

/** Without a dimension the descriptor is the whole matrix. */
export type BilinearContext = MethodContext<BilinearOptions & { readonly dimension?: number }>;

/** Maps that are pooled together, of equal size: one network's with itself, or two networks'. */
export type PooledMaps = readonly [Value] | readonly [Value, Value];

/** Descriptors of up to so many bytes are cached as they are: then step one is one product a step. */
const CACHED_BYTES = 1e6;

/** What the networks see in an image. */
export interface SeenMaps {
  readonly maps: PooledMaps;
  /** The first network's last map, and the last that is finer, which draws the object's outline. */
  readonly last: Value;
  readonly finer: Value | undefined;
  /** Where the object is, and those maps of the whole image; the others are of this square. */
  readonly object?: { readonly square: Value; readonly whole: Features };
}

/** How an image is looked at: mirrored behind the cut, and where the object was found already. */
export interface Looking extends Pick<SeenMaps, 'object'> {
  readonly mirror?: boolean;
}

/**
 * The maps to be pooled. Hidden layers behind the last ones are not built. With `crop`, `object`, a
 * first pass finds the object, from which no gradient comes, and a second one sees its square.
 */
export function mapsOf(
  context: BilinearContext,
  scope: Scope,
  image: Value,
  norms: NormMode,
  { mirror = false, object: given }: Looking = {},
): SeenMaps {
  const { second, options } = context;
  const network = { ...context.network, pooling: 'average' as const };
  const flat = { ...context, network };
  const planes = normaliseImage(image, context.pixels);
  const size = image.shape[1];
  const object = given ?? (options.crop === 'object' ? findObject(flat, scope, planes) : undefined);
  const seen = (all: Value) => {
    const cut = object === undefined ? all : zoom(all, object.square, size);
    return mirror ? mirrored(cut, 3) : cut;
  };
  const first = featuresOfPlanes(flat, scope, seen(planes), { norms });
  const own = first.descriptors ?? first.map;
  const common = { finer: finerLevel(first), object };
  if (second === undefined) return { maps: [own], last: first.map, ...common };
  const others = seen(normaliseImage(image, second.pixels));
  const other = secondFeatures(flat, second, scope, others, { norms });
  const maps = aligned(own, other.descriptors ?? other.map);
  return { maps, last: own === first.map ? maps[0] : first.map, ...common };
}

function findObject(context: MethodContext, scope: Scope, planes: Value) {
  const whole = featuresOfPlanes(context, scope, planes, { norms: 'frozen' });
  return { whole, square: objectSquare(whole, planes.shape[2]) };
}

/**
 * Two maps without the last row and column that one of them has more than the other, as the paper cuts
 * VGG-16's 28 x 28 to VGG-M's 27 x 27. FM_CONFIG where they differ by more.
 */
function aligned(a: Value, b: Value): readonly [Value, Value] {
  const differ = [2, 3].some((axis) => Math.abs(a.shape[axis] - b.shape[axis]) > 1);
  if (differ) {
    throw fail('FM_CONFIG', 'options.second', {
      expected: 'a network whose map differs from the first by at most a row and a column',
      got: `maps ${showShape(a.shape.slice(2))} and ${showShape(b.shape.slice(2))}`,
      next: 'Choose networks of the same stride.',
    });
  }
  const cut = (x: Value) =>
    [2, 3].reduce((y, axis) => slice(y, axis, 0, Math.min(a.shape[axis], b.shape[axis])), x);
  return [cut(a), cut(b)];
}

export function pool(
  { options: { dimension } }: BilinearContext,
  scope: Scope,
  [a, b = a]: PooledMaps,
): BilinearDescriptor {
  if (dimension === undefined) return bilinearPooling(a, b);
  return compactBilinearPooling(scope.child('sketch'), a, b, dimension);
}

/**
 * What is cached of photographs: their unit descriptors, [N, D], or in the place of those above a
 * megabyte their maps, joined to [N, C, h, w]. Of 2048 channels the descriptor has 8 MB and a map of
 * 7 x 7 places 0.4 MB; but pooling it again in each step takes longer than the classifier.
 */
export function rowOf(
  context: BilinearContext,
  scope: Scope,
  image: Value,
  looking: Looking = {},
): Value {
  const { maps } = mapsOf(context, scope, image, 'frozen', looking);
  const [a, b] = maps.map(({ shape }) => shape[1]);
  const large = 4 * (context.options.dimension ?? bilinearSize(a, b)) > CACHED_BYTES;
  return large ? concat(maps, 1) : pool(context, scope, maps).unit;
}

/** Unit descriptors [N, D] of cached rows. */
export function unitOf(context: BilinearContext, scope: Scope, rows: Value): Value {
  if (rows.shape.length !== 4) return rows;
  if (context.second === undefined) return pool(context, scope, [rows]).unit;
  const b = secondChannels(context, context.second);
  const [first, second] = split(rows, 1, [rows.shape[1] - b, b]);
  return pool(context, scope, [first, second]).unit;
}

function secondChannels(context: BilinearContext, second: SecondNetwork): number {
  const image = normaliseImage(imageInput(1, ANY_SIZE), second.pixels);
  const build = { norms: 'frozen' as const };
  const { descriptors, map } = secondFeatures(
    context,
    second,
    new Parameters().root(),
    image,
    build,
  );
  return (descriptors ?? map).shape[1];
}

/** What a person with too little memory may choose. */
export function lighterThan({ options: { dimension } }: BilinearContext): string {
  return dimension === undefined
    ? 'Take --method compact-bilinear, or a --backbone with fewer channels.'
    : 'Take a smaller options.dimension, or a --backbone with fewer channels.';
}
