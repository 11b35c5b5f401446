// Learning-rate schedules: pure functions of the step, and of the validation results before it.

/** torch.optim.lr_scheduler.ReduceLROnPlateau, with relative thresholds. */
export interface PlateauOptions {
  readonly kind: 'plateau';
  readonly warmup: number;
  /** The validation result that must improve: the loss falls, or the accuracy rises. */
  readonly watch: 'loss' | 'top1';
  /** The rate is multiplied by this ... */
  readonly factor: number;
  /** ... after more epochs than this without an improvement. */
  readonly patience: number;
  /** An improvement is by more than this share of the best result. */
  readonly threshold: number;
  /** Epochs after a reduction in which nothing is counted. */
  readonly cooldown: number;
  /** The factor of the base rate never falls below this. */
  readonly floor: number;
}

export type ScheduleOptions =
  | { readonly kind: 'constant'; readonly warmup: number }
  | {
      readonly kind: 'step';
      readonly warmup: number;
      /** Epochs after which the rate is multiplied by `factor`. */
      readonly at: readonly number[];
      readonly factor: number;
    }
  | { readonly kind: 'cosine'; readonly warmup: number; readonly floor: number }
  | PlateauOptions;

/**
 * Multiplier of the base rate at a step (0-based) of a stage.
 *
 * `warmup` is in epochs: the rate grows linearly and reaches the base rate with the last step of
 * the warm-up. `cosine` falls from 1 to `floor` over the rest
 * (Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5). What `plateau` does after its
 * warm-up depends on results: `afterEpoch` gives a further multiplier.
 */
export function scheduleFactor(
  options: ScheduleOptions,
  step: number,
  stepsPerEpoch: number,
  epochs: number,
): number {
  const warm = Math.round(options.warmup * stepsPerEpoch);
  if (step < warm) return (step + 1) / warm;
  if (options.kind === 'constant' || options.kind === 'plateau') return 1;
  if (options.kind === 'step') {
    const passed = options.at.filter((epoch) => step >= epoch * stepsPerEpoch).length;
    return options.factor ** passed;
  }
  const total = epochs * stepsPerEpoch;
  const progress = Math.min(1, (step - warm) / Math.max(1, total - warm));
  return options.floor + (1 - options.floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** What `plateau` remembers between epochs; plain JSON. */
export interface PlateauState {
  /** Multiplier of the rate in each epoch so far, and in the next one. */
  readonly factors: readonly number[];
  /** Null before the first result. */
  readonly best: number | null;
  /** Epochs without an improvement, since the last one or the last reduction. */
  readonly waited: number;
  /** Epochs of the cool-down that are left. */
  readonly cooling: number;
}

export const plateauStart: PlateauState = { factors: [1], best: null, waited: 0, cooling: 0 };

/** The state after an epoch with this validation result. torch's `eps` is taken as 0. */
export function afterEpoch(
  options: PlateauOptions,
  state: PlateauState,
  result: { readonly top1: number; readonly loss: number },
): PlateauState {
  const value = result[options.watch];
  const improved = improves(options, value, state.best);
  const best = improved ? value : state.best;
  const cools = state.cooling > 0;
  const waited = improved || cools ? 0 : state.waited + 1;
  const last = state.factors[state.factors.length - 1];
  if (waited <= options.patience) {
    const cooling = cools ? state.cooling - 1 : 0;
    return { factors: [...state.factors, last], best, waited, cooling };
  }
  const reduced = Math.max(last * options.factor, options.floor);
  return { factors: [...state.factors, reduced], best, waited: 0, cooling: options.cooldown };
}

function improves({ watch, threshold }: PlateauOptions, value: number, best: number | null) {
  if (watch === 'top1') return best === null || value > best * (1 + threshold);
  return value < (best === null ? Number.POSITIVE_INFINITY : best * (1 - threshold));
}
