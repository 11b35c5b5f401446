// What a recognition method is: the stages that train it, and the recogniser that they leave.

import type { z } from 'zod';
import type { ClassAttributes, Dataset, HierarchyLevel, Supervision } from '../core/example.ts';
import type { PartSpace } from '../core/fields.ts';
import type { Sampler, SamplerOptions } from '../core/sampler.ts';
import type { Value } from '../graph/value.ts';
import type { Backbone, NetworkOptions } from '../nn/backbones/backbone.ts';
import type { PixelScale } from '../nn/image-input.ts';
import type { NormMode, PaddingStyle } from '../nn/layers.ts';
import type { OptimiserOptions } from '../nn/optimisers.ts';
import type { ScheduleOptions } from '../nn/schedules.ts';
import type { Scope } from '../nn/scope.ts';
import type { Step } from './stage.ts';

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
  readonly attributes?: ClassAttributes;
  /** The parts that the dataset points at. */
  readonly parts?: PartSpace;
  /** Training images of each class, with those that will be held out. Default: enough of each. */
  readonly imagesOfClass?: readonly number[];
  /** False when the backbone starts from random numbers. */
  readonly pretrained: boolean;
  /** What the reviews of stages decided so far, by what they decided on. */
  readonly decisions?: Readonly<Record<string, string>>;
}

/** A second backbone, whose parameters are below `backbone2.`, and the input that it expects. */
export interface SecondNetwork {
  readonly backbone: Backbone;
  readonly pixels: PixelScale;
  readonly padding: PaddingStyle;
}

/** A second backbone by its name. */
export interface WishedSecond {
  readonly backbone: string;
  /** A file, a name that leads to one, or `none`. Default: those of the backbone. */
  readonly weights?: string;
}

/** How a stage trains. Every field can be set by `--set stages.<name>.<field>=...`. */
export interface StageSettings {
  readonly epochs: number;
  /** Images of a step. */
  readonly batch: number;
  /** Which images make a batch: a sampler of the table, or of the method's own. */
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

/** What the recogniser's graph returns for N images. */
export interface Recognition {
  /** [N, K] */
  readonly logits: Value;
  /** Descriptor for search, [N, D]. Whoever compares descriptors normalises them first. */
  readonly embedding: Value;
  /** The map that the evidence is drawn from, [N, C, h, w], not negative. */
  readonly map: Value;
  /** A finer map of the same network, [N, C', h', w']: it draws the object's outline. */
  readonly finer?: Value;
  /**
   * Where a score comes from, [N, h, w]: `score` is a scalar, the sum over the images of what is to
   * be explained of each. Default: `gradientTimesMap`, where `closer` says nothing.
   */
  readonly heat?: (score: Value) => Value;
  /** What squares of the image add to a score. */
  readonly closer?: readonly CloserHeat[];
  /** Descriptors of places that images are compared by, [N, C, h, w], for `locationPairs`. */
  readonly descriptors?: Value;
  /** Where the network looked again, [N, B, 4]: x, y, width, height as shares of what it saw. */
  readonly boxes?: Value;
  /** Logits [N, K] of each scale that was looked at, by name, coarsest first. */
  readonly scales?: Readonly<Record<string, Value>>;
}

/** Where a score comes from within a square of the image, (centre, half side) in shares, [N, 3]. */
export interface CloserHeat {
  readonly square: Value;
  /** Of the square, [N, C, h, w]. */
  readonly map: Value;
  /** As that of the whole image, [N, h, w]. */
  readonly heat: (score: Value) => Value;
}

/** What a method may look at before anything is spent on a task. */
export interface MethodTask<Options = unknown> {
  readonly context: MethodContext<Options>;
  readonly dataset: Dataset;
  /** Of the stages that will run, by name. */
  readonly settings: ReadonlyMap<string, StageSettings>;
}

export interface Method<Options = unknown> {
  readonly name: string;
  readonly citation: string;
  /** One sentence for lists. */
  readonly about: string;
  readonly options: z.ZodType<Options>;
  /** What the training examples must have. */
  readonly needs: readonly Supervision[];
  /** The second backbone that options ask for. */
  second?(options: Options): WishedSecond | undefined;
  /**
   * Looks at a task before its images are read: throws what cannot work, and returns what a person
   * should know.
   */
  check?(task: MethodTask<Options>): readonly string[];
  /** Samplers of its own, for `StageSettings.sampler`. */
  readonly samplers?: readonly Sampler[];
  /** The training procedure, in order: stages, and reviews of what they left. */
  stages(context: MethodContext<Options>): Step[];
  /** What would need less memory in a stage, as a sentence for those who have too little. */
  lighter?(context: MethodContext<Options>, stage: string): string;
  /** image: uint8 [N, S, S, 3]. */
  recogniser(context: MethodContext<Options>, scope: Scope, image: Value): Recognition;
  /**
   * Options of trivial rivals, which a comparison sets beside the method: as much work without its
   * idea, such as a fixed box in the middle instead of one that is found.
   */
  readonly baselines?: readonly Readonly<Record<string, unknown>>[];
}
