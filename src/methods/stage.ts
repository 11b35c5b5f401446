// The forms of a training procedure's steps: stages on photographs, stages on cached features, stages that
// decisions have left nothing to do in, and reviews between them. Plain data and functions of graphs.

import type { Example } from '../core/example.ts';
import type { Field, SeenImage } from '../core/fields.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { Value } from '../graph/value.ts';
import type { ClassTargets } from '../nn/losses.ts';
import type { Scope } from '../nn/scope.ts';
import type { StageSettings } from './stage-settings.ts';

/** One batch as a stage's graph sees it. */
export interface StageBatch {
  /** `images`: uint8 [N, S, S, 3]; `features`: what `features` returned, with N rows. */
  readonly input: Value;
  /** The classes of the images, as the stage's settings mix and smooth them; for `classEntropy`. */
  readonly targets: ClassTargets;
  /**
   * The class of each image, int64 [N], for losses that take each image for one of one class. Throws
   * FM_CONFIG where the settings mix images.
   */
  readonly labels: () => Value;
  /** A field that the stage has named, float32 [N, ...its shape]. Throws FM_GRAPH for any other. */
  readonly field: (field: Field) => Value;
  /** Uniform numbers of a shape, fed anew in each step; for dropout. */
  readonly uniforms: (name: string, shape: readonly number[]) => Value;
  /** How far the stage is, a scalar from 0 in its first step to almost 1 in its last. */
  readonly progress: () => Value;
}

/** What a stage minimises, and what it tells about its steps. */
export interface StageLoss {
  /** Scalar. */
  readonly loss: Value;
  /** Scalars for the log by name; nothing depends on them. */
  readonly metrics?: Readonly<Record<string, Value>>;
}

interface CommonStage {
  readonly name: string;
  /** What its batches have besides images and classes; its examples must have what these need. */
  readonly fields?: readonly Field[];
  /** Whether a parameter trains in this stage. */
  readonly trains: (path: string) => boolean;
  /** Builds the training graph. */
  readonly loss: (scope: Scope, batch: StageBatch) => StageLoss;
  readonly settings: StageSettings;
  /**
   * Which epoch is kept. `best` (default): the one that scores highest on the validation images, and
   * among equals the one with the lowest loss. `last`: for convex problems that are trained until they
   * converge, where a choice by a few images would be a choice by chance. `unscored`: the last, because
   * no score says anything about this stage.
   */
  readonly keeps?: 'best' | 'last' | 'unscored';
}

/** A stage on photographs. */
export interface ImageStage extends CommonStage {
  readonly source: 'images';
  /** True for stages that train the whole network: a configuration's `epochs` are those of them together. */
  readonly whole?: boolean;
  /** Logits for validation, from uint8 [1, S, S, 3]. Default: the recogniser's. */
  readonly classify?: (scope: Scope, image: Value) => Value;
  /** What the stage is judged by where that is not the accuracy of answers. */
  readonly measure?: Measure;
}

/** A stage on cached features of the frozen network. */
export interface FeatureStage extends CommonStage {
  readonly source: 'features';
  /** The frozen part, from uint8 [1, S, S, 3] to one row. */
  readonly features: (scope: Scope, image: Value) => Value;
  /** Logits for validation, from rows of features. */
  readonly classify: (scope: Scope, rows: Value) => Value;
  /** True where the classifier sees rows of norm one, whatever the norm of the features is. */
  readonly unitRows?: boolean;
}

/** What is left of a stage where decisions have left it nothing to do: it is passed over. */
export interface IdleStage {
  readonly name: string;
  readonly source: 'none';
}

/** What a stage's outputs are worth on the validation images; higher is better. */
export interface Measure {
  /** As it stands in logs: `PCK@0.1`. */
  readonly name: string;
  /** What is computed of one image, uint8 [1, S, S, 3], by the network as it answers. */
  readonly outputs: (scope: Scope, image: Value) => Readonly<Record<string, Value>>;
  /** Begins a pass over the images. */
  readonly tally: () => Tally;
}

/** Adds up what a measure sees. */
export interface Tally {
  add(outputs: Readonly<Record<string, HostTensor>>, example: Example, seen: SeenImage): void;
  /** `loss` decides among equal scores; lower is better, 0 where there is none. */
  result(): { readonly score: number; readonly loss: number };
}

/**
 * Looks at what the stage before it has left, on the validation images. A finding is told and kept with
 * the run; what it decides is known to all graphs that are built from then on, the refit's included.
 * Passed over without validation images.
 */
export interface Review {
  readonly source: 'review';
  readonly review: (seen: ReviewedStage) => Finding | undefined;
}

/** The recogniser on the validation images, after a stage. */
export interface ReviewedStage {
  readonly images: number;
  /** Of each of the recogniser's `scales`, coarsest first. */
  readonly scales: readonly ScaleResult[];
  /** The recogniser's `boxes` for each image, its B boxes one behind the other. */
  readonly boxes: readonly Float32Array[];
}

export interface ScaleResult {
  readonly name: string;
  /** Share of right answers. */
  readonly top1: number;
  /** Mean probability of the true class. */
  readonly truth: number;
}

/** What a review found. */
export interface Finding {
  /** A sentence for people. */
  readonly text: string;
  /** Laid over `MethodContext.decisions`. */
  readonly decisions?: Readonly<Record<string, string>>;
}

/** A stage that trains. */
export type TrainedStage = ImageStage | FeatureStage;
/** A stage; runs count these. */
export type Stage = TrainedStage | IdleStage;
/** One step of a training procedure. */
export type Step = Stage | Review;

/** The stages among the steps. */
export function stagesAmong(steps: readonly Step[]): Stage[] {
  return steps.filter((step): step is Stage => step.source !== 'review');
}

/** The stages that train. */
export function trainedAmong(steps: readonly Step[]): TrainedStage[] {
  return stagesAmong(steps).filter((stage): stage is TrainedStage => stage.source !== 'none');
}

/** The review behind a stage, if there is one. */
export function reviewBehind(steps: readonly Step[], name: string): Review | undefined {
  const at = steps.findIndex((step) => step.source !== 'review' && step.name === name);
  const next = steps[at + 1];
  return next?.source === 'review' ? next : undefined;
}
