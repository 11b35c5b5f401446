// What a sampler is: the rule by which the images of each batch of an epoch are chosen.

import type { z } from 'zod';
import type { HierarchyLevel } from './example.ts';

/** A sampler by its kind, with options of its own. */
export interface SamplerOptions {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** An image of a planned batch; `draw` tells views of the same image in one epoch apart. */
export interface PlannedImage {
  readonly index: number;
  readonly draw: number;
}

/** The images that a sampler chooses from. */
export interface Population {
  /** Class of each image. */
  readonly labels: readonly number[];
  /** Levels above the classes, coarsest first. */
  readonly hierarchy?: readonly HierarchyLevel[];
}

/** How a stage forms its batches. */
export interface BatchShape {
  /** Images of a step. */
  readonly batch: number;
  /** Passes that a step is made of. */
  readonly accumulate: number;
}

/** What a sampler may look at before anything is trained. */
export interface SamplerTask extends BatchShape {
  /** `stages.<name>`, for messages. */
  readonly where: string;
  readonly source: 'images' | 'features';
  readonly classes: number;
  readonly hierarchy?: readonly HierarchyLevel[];
}

// biome-ignore lint/suspicious/noExplicitAny: each sampler has its own options
export interface Sampler<Options extends SamplerOptions = any> {
  readonly kind: string;
  /** One sentence for lists. */
  readonly about: string;
  /** Its options, `kind` included. */
  readonly options: z.ZodType<Options>;
  /** Images that go together: a pass has a multiple of so many. */
  unit(options: Options): number;
  /** Images of a step where there are `images` of them; a multiple of `accumulate`. */
  batchSize(options: Options, shape: BatchShape, images: number): number;
  /** Default options in a batch that a person has changed. Absent: as they are. */
  fit?(options: Options, before: BatchShape, now: BatchShape): Options;
  /** Throws what cannot work with this task. */
  check?(options: Options, task: SamplerTask): void;
  /**
   * The images of each batch of an epoch, `batch` in each and the same number of batches in every
   * epoch: a pure function.
   */
  plan(options: Options, population: Population, draw: EpochDraw): PlannedImage[][];
}

/** What is planned, and the keys of its random draws. */
export interface EpochDraw {
  readonly batch: number;
  readonly seed: number;
  readonly epoch: number;
  /** Whether the last batch may have fewer images; else what is left over is left out. */
  readonly lastShort: boolean;
}
