// Learning-rate schedules: pure functions of the step.

export type ScheduleOptions =
  | { readonly kind: 'constant'; readonly warmup: number }
  | {
      readonly kind: 'step';
      readonly warmup: number;
      /** Epochs after which the rate is multiplied by `factor`. */
      readonly at: readonly number[];
      readonly factor: number;
    }
  | { readonly kind: 'cosine'; readonly warmup: number; readonly floor: number };

/**
 * Multiplier of the base rate at a step (0-based) of a stage.
 *
 * `warmup` is in epochs: the rate grows linearly and reaches the base rate with the last step of
 * the warm-up. `cosine` falls from 1 to `floor` over the rest
 * (Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5).
 */
export function scheduleFactor(
  options: ScheduleOptions,
  step: number,
  stepsPerEpoch: number,
  epochs: number,
): number {
  const warm = Math.round(options.warmup * stepsPerEpoch);
  if (step < warm) return (step + 1) / warm;
  if (options.kind === 'constant') return 1;
  if (options.kind === 'step') {
    const passed = options.at.filter((epoch) => step >= epoch * stepsPerEpoch).length;
    return options.factor ** passed;
  }
  const total = epochs * stepsPerEpoch;
  const progress = Math.min(1, (step - warm) / Math.max(1, total - warm));
  return options.floor + (1 - options.floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
