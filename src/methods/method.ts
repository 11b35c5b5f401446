// What a recognition method is: the stages that train it, and the recogniser that they leave.

import type { z } from 'zod';
import type { ClassAttributes, Dataset, HierarchyLevel, Supervision } from '../core/example.ts';
import type { PartSpace } from '../core/fields.ts';
import type { Sampler } from '../core/sampler.ts';
import type { Value } from '../graph/value.ts';
import type { Backbone, NetworkOptions } from '../nn/backbones/backbone.ts';
import type { PixelScale } from '../nn/image-input.ts';
import type { NormMode, PaddingStyle } from '../nn/layers.ts';
import type { Scope } from '../nn/scope.ts';
import type { Step } from './stage.ts';
import type { StageSettings } from './stage-settings.ts';

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
