// What can be set of a stage.

import type { SamplerOptions } from '../core/sampler.ts';
import type { OptimiserOptions } from '../nn/optimisers.ts';
import type { ScheduleOptions } from '../nn/schedules.ts';

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
