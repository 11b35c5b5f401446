// What a contestant is asked to do: plain data, sent as JSON to workers in TypeScript and Python.

/** A piece of work, the same for every contestant. */
export type Work =
  | StepWork
  | InferWork
  | {
      readonly kind: 'features';
      readonly net: string;
      /** Where torchvision keeps the classifier, which is cut off. */
      readonly headPath: string;
      readonly size: number;
    }
  | {
      readonly kind: 'jpeg';
      readonly size: number;
      /** Area of a crop as a share of the photograph's. */
      readonly scale: readonly [number, number];
    }
  | ConvWork;

/** One training step: forward, cross entropy, backward, SGD with momentum 0.9. */
export interface StepWork {
  readonly kind: 'step';
  readonly net: string;
  /** `frozen`: running statistics are used; `train`: those of the batch, and the stored follow. */
  readonly norms: 'frozen' | 'train';
  readonly batch: number;
  readonly size: number;
}

/** Logits of a batch, in evaluation mode. */
export interface InferWork {
  readonly kind: 'infer';
  readonly net: string;
  readonly batch: number;
  readonly size: number;
  readonly calls: number;
}

/** A 3x3 convolution forward, stride 1, as many channels out as in. */
export interface ConvWork {
  readonly kind: 'conv';
  readonly batch: number;
  readonly channels: number;
  readonly side: number;
  readonly calls: number;
}

/** How a contestant does the work. */
export interface Setting {
  /** `portable` or `blocked`; `torch` or `channelsLast`; `tfjs`, `jax`. */
  readonly variant: string;
  readonly threads: number;
  /** Absolute paths, for work that reads photographs; else empty. */
  readonly photos: readonly string[];
}

/** All that a contestant is told, as its first argument. */
export type Job = Work & Setting;
