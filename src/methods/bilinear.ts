// Bilinear CNN: Lin, RoyChowdhury, Maji, "Bilinear CNN models for fine-grained visual recognition",
// ICCV 2015, arXiv 1504.07889; compact by tensor sketch: Gao et al., CVPR 2016, arXiv 1511.06062.
//
//   Phi = X X' / L,   z = unit(sign(Phi) sqrt(|Phi| + e)),   s = W z + b
//
// Step one trains W on cached descriptors of the frozen network, step two everything together.

import { z } from 'zod';
import { mul } from '../graph/ops/arithmetic.ts';
import type { Value } from '../graph/value.ts';
import { type BilinearDescriptor, bilinearPooling, bilinearSize } from '../nn/bilinear-pooling.ts';
import { compactBilinearPooling } from '../nn/compact-bilinear.ts';
import { type BuildOptions, linear } from '../nn/layers.ts';
import { crossEntropy } from '../nn/losses.ts';
import type { Scope } from '../nn/scope.ts';
import { backboneFeatures, pathsBehind, unfrozen } from './backbone-pass.ts';
import { bilinearHeat } from './heat.ts';
import type { Method, MethodContext, Stage } from './method.ts';
import { headSettings, networkSettings } from './settings.ts';

export type BilinearOptions = Record<never, never>;

export interface CompactBilinearOptions extends BilinearOptions {
  /** Numbers of the descriptor. */
  readonly dimension: number;
}

type Context = MethodContext<BilinearOptions & Partial<CompactBilinearOptions>>;
type Norms = Pick<BuildOptions, 'norms'>;

const options: z.ZodType<BilinearOptions> = z.strictObject({});
const compactOptions: z.ZodType<CompactBilinearOptions> = z.strictObject({
  dimension: z.number().int().min(16).max(65536).default(8192),
});

/** The network's maps; hidden layers behind them are not even built. */
function mapsOf(context: Context, scope: Scope, image: Value, build: Norms) {
  const network = { ...context.network, pooling: 'average' as const };
  const { map, descriptors = map } = backboneFeatures({ ...context, network }, scope, image, build);
  return { map, descriptors };
}

function pool({ options: { dimension } }: Context, scope: Scope, map: Value): BilinearDescriptor {
  if (dimension === undefined) return bilinearPooling(map);
  return compactBilinearPooling(scope.child('sketch'), map, map, dimension);
}

function classify(context: Context, scope: Scope, unit: Value): Value {
  return linear(scope.child('head'), unit, context.classes);
}

/** Descriptors of up to so many bytes are cached as they are: then step one is one product a step. */
const CACHED_BYTES = 1e6;

/** Whether the maps are cached in the descriptors' place: those of 2048 channels have 8 MB each. */
function cachesMaps({ options: { dimension } }: Context, map: Value): boolean {
  return 4 * (dimension ?? bilinearSize(map.shape[1])) > CACHED_BYTES;
}

function lighterThan({ options: { dimension } }: Context): string {
  return dimension === undefined
    ? 'Take --method compact-bilinear, or a --backbone with fewer channels.'
    : 'Take a smaller options.dimension, or a --backbone with fewer channels.';
}

/** Step one. Unit descriptors want a large rate and next to no decay: the classifier's weights are large. */
function headStage(context: Context): Stage {
  const unitOf = (scope: Scope, row: Value) =>
    row.shape.length === 4 ? pool(context, scope, row).unit : row;
  return {
    name: 'head',
    source: 'features',
    features: (scope, image) => {
      const { descriptors } = mapsOf(context, scope, image, { norms: 'frozen' });
      return cachesMaps(context, descriptors)
        ? descriptors
        : pool(context, scope, descriptors).unit;
    },
    featureNorm: 1,
    classify: (scope, row) => classify(context, scope, unitOf(scope, row)),
    trains: (path) => path.startsWith('head.'),
    loss: (scope, { input, targets }) => ({
      loss: crossEntropy(classify(context, scope, unitOf(scope, input)), targets),
    }),
    settings: { ...headSettings(), decay: 1e-8 },
    lighter: lighterThan(context),
  };
}

/** Step two. */
function networkStage(context: Context): Stage {
  const trainable = unfrozen(context);
  let behind: ReadonlySet<string> | undefined;
  const counts = (path: string) => {
    behind ??= pathsBehind(
      (scope, image) => mapsOf(context, scope, image, { norms: 'frozen' }).descriptors,
    );
    return !path.startsWith('backbone.') || behind.has(path);
  };
  return {
    name: 'all',
    source: 'images',
    trains: (path) => trainable(path) && counts(path),
    loss: (scope, { input, targets }) => {
      const { descriptors } = mapsOf(context, scope, input, context);
      const { unit } = pool(context, scope, descriptors);
      return { loss: crossEntropy(classify(context, scope, unit), targets) };
    },
    settings: networkSettings(context.pretrained),
    lighter: lighterThan(context),
  };
}

const method: Omit<Method<BilinearOptions>, 'name' | 'citation' | 'about' | 'options'> = {
  needs: ['labels'],
  // from random numbers there is nothing for step one to learn from
  stages: (context) =>
    context.pretrained ? [headStage(context), networkStage(context)] : [networkStage(context)],
  recogniser: (context, scope, image) => {
    const { map, descriptors } = mapsOf(context, scope, image, { norms: 'frozen' });
    const pooled = pool(context, scope, descriptors);
    return {
      logits: classify(context, scope, pooled.unit),
      embedding: pooled.unit,
      // the map behind other descriptors is not trained along: their energy stands for it
      map: descriptors === map ? map : mul(descriptors, descriptors),
      heat: (score) => bilinearHeat(score, [descriptors], pooled),
    };
  },
};

export const bilinear: Method<BilinearOptions> = {
  ...method,
  name: 'bilinear',
  citation: 'Lin et al. 2015, arXiv 1504.07889',
  about: 'products of all pairs of channels, averaged over the map, and a linear classifier',
  options,
};

export const compactBilinear: Method<CompactBilinearOptions> = {
  ...method,
  name: 'compact-bilinear',
  citation: 'Gao et al. 2016, arXiv 1511.06062; Lin et al. 2015, arXiv 1504.07889',
  about: 'bilinear pooling, sketched into a few thousand numbers',
  options: compactOptions,
};
