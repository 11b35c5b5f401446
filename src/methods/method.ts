// What a recognition method is: the stages that train it, and the recogniser that they leave.

import type { z } from 'zod';
import type { HierarchyLevel, Supervision } from '../core/example.ts';
import type { Value } from '../graph/value.ts';
import type { Backbone, NetworkOptions } from '../nn/backbones/backbone.ts';
import type { PixelScale } from '../nn/image-input.ts';
import type { NormMode, PaddingStyle } from '../nn/layers.ts';
import type { OptimiserOptions } from '../nn/optimisers.ts';
import type { ScheduleOptions } from '../nn/schedules.ts';
import type { Scope } from '../nn/scope.ts';

/** Everything that a method may know about its task. */
export interface MethodContext<Options = unknown> {
  readonly options: Options;
  readonly backbone: Backbone;
  readonly network: NetworkOptions;
  readonly pixels: PixelScale;
  readonly padding: PaddingStyle;
  /** How the norms behave while the backbone trains. */
  readonly norms: NormMode;
  /** Of methods with two networks. */
  readonly second?: SecondNetwork;
  readonly classes: number;
  readonly hierarchy?: readonly HierarchyLevel[];
  /** False when the backbone starts from random numbers. */
  readonly pretrained: boolean;
}

/** A second backbone, whose parameters are below `backbone2.`, and the input that it expects. */
export interface SecondNetwork {
  readonly backbone: Backbone;
  readonly pixels: PixelScale;
  readonly padding: PaddingStyle;
}

/** How a stage trains. Every field can be set by `--set stages.<name>.<field>=...`. */
export interface StageSettings {
  readonly epochs: number;
  /** Images of a step. */
  readonly batch: number;
  /** Which images make a batch. */
  readonly sampler: SamplerOptions;
  /** Passes that a step is made of, of `batch / accumulate` images each. */
  readonly accumulate: number;
  /** Base learning rate, of the backbone. */
  readonly rate: number;
  /** Rate of everything outside the backbone, as a multiple of `rate`. */
  readonly headFactor: number;
  /** Weight decay of weights; norms and biases have none. */
  readonly decay: number;
  readonly optimiser: OptimiserOptions;
  readonly schedule: ScheduleOptions;
  /** Largest common l2 norm of the gradients; 0: no limit. */
  readonly clip: number;
  /** Label smoothing, 0..1. */
  readonly smoothing: number;
  /** Decay of the moving average of the weights, below 1; 0: none is kept. */
  readonly ema: number;
  /** Parameter of mixup's Beta distribution; 0: no mixup. */
  readonly mixup: number;
  /** Parameter of CutMix's Beta distribution; 0: no CutMix. */
  readonly cutmix: number;
  readonly augment: AugmentSettings;
}

/**
 * `shuffled`: every image once an epoch, in random order. `balanced`: each batch has `samples` images
 * of each of `batch / samples` classes, for losses that compare images with one another.
 */
export type SamplerOptions =
  | { readonly kind: 'shuffled' }
  | { readonly kind: 'balanced'; readonly samples: number };

/** Random views in training: torchvision's transforms of the same names. */
export interface AugmentSettings {
  /** Area of the random crop as a share of the image: [low, high]. */
  readonly scale: readonly [number, number];
  /** Width over height of the crop: [low, high]. */
  readonly ratio: readonly [number, number];
  /** Probability of a mirror image. */
  readonly flip: number;
  /** Strength of brightness, contrast and saturation jitter. */
  readonly jitter: number;
  /** Strength of hue jitter, 0..0.5. */
  readonly hue: number;
  /** Probability of erasing a rectangle. */
  readonly erase: number;
}

/** One batch as a stage's graph sees it. */
export interface StageBatch {
  /** `images`: uint8 [N, S, S, 3]; `features`: what `features` returned, with N rows. */
  readonly input: Value;
  /** Target distributions [N, K]. */
  readonly targets: Value;
  /** Hard labels, one 1 in each row, [N, K], whatever smoothing and mixing do to the targets. */
  readonly labels: () => Value;
  /** Uniform numbers of a shape, fed anew in each step; for dropout. */
  readonly uniforms: (name: string, shape: readonly number[]) => Value;
}

/** What a stage minimises, and what it tells about its steps. */
export interface StageLoss {
  /** Scalar. */
  readonly loss: Value;
  /** Scalars for the log by name; nothing depends on them. */
  readonly metrics?: Readonly<Record<string, Value>>;
}

export interface Stage {
  readonly name: string;
  /** What the batches are made of: photographs, or cached features of the frozen network. */
  readonly source: 'images' | 'features';
  /** For `features`: the frozen part, from uint8 [1, S, S, 3] to one row. */
  readonly features?: (scope: Scope, image: Value) => Value;
  /** For `features`: logits from a row of features, for validation. */
  readonly classify?: (scope: Scope, features: Value) => Value;
  /**
   * For `features`: the l2 norm of what the classifier sees, where that is not the row itself.
   * Default: that of the rows, measured.
   */
  readonly featureNorm?: number;
  /** Whether a parameter trains in this stage. */
  readonly trains: (path: string) => boolean;
  /** Builds the training graph. */
  readonly loss: (scope: Scope, batch: StageBatch) => StageLoss;
  readonly settings: StageSettings;
  /**
   * Which epoch is kept. `best` (default): the one with the highest accuracy on the validation images,
   * and among equals with the lowest loss. `last`: for convex problems that are trained until they
   * converge, where a choice by a few images would be a choice by chance.
   */
  readonly keeps?: 'best' | 'last';
  /** What would need less memory, as a sentence for those who have too little. */
  readonly lighter?: string;
}

/** What the recogniser's graph returns for N images. */
export interface Recognition {
  /** [N, K] */
  readonly logits: Value;
  /** Descriptor for search, [N, D], not normalised. */
  readonly embedding: Value;
  /** The map that the evidence is drawn from, [N, C, h, w], not negative. */
  readonly map: Value;
  /**
   * Where a score comes from, [N, h, w]: `score` is a scalar, the sum over the images of what is to
   * be explained of each. Default: `gradientTimesMap`.
   */
  readonly heat?: (score: Value) => Value;
  /** Descriptors of places that images are compared by, [N, C, h, w], for `locationPairs`. */
  readonly descriptors?: Value;
  /** Where the network looked again, [N, B, 4]: x, y, width, height as shares of what it saw. */
  readonly boxes?: Value;
}

export interface Method<Options = unknown> {
  readonly name: string;
  readonly citation: string;
  /** One sentence for lists. */
  readonly about: string;
  readonly options: z.ZodType<Options>;
  /** What the training examples must have. */
  readonly needs: readonly Supervision[];
  /** The second backbone that options ask for, and its weights, a file or `none`. */
  second?(options: Options): { readonly backbone: string; readonly weights: string } | undefined;
  /** The training procedure, in order. */
  stages(context: MethodContext<Options>): Stage[];
  /** image: uint8 [N, S, S, 3]. */
  recogniser(context: MethodContext<Options>, scope: Scope, image: Value): Recognition;
}
