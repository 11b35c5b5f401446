// What is to be known of a file of weights beside its numbers.

/**
 * How a file says what it holds: the value of the metadata key `fieldmark`, as JSON.
 * `docs/weights.md` documents the fields.
 */
export interface WeightsDescription {
  /** The backbone's name, as in the table. */
  readonly backbone?: string;
  readonly input: {
    /** Per channel, red first, in units of 0..1 pixels. */
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
    readonly size: number;
  };
  readonly padding: 'torch' | 'same';
  /** `frozen`: the norms' statistics must not be trained; `train`: they may be. */
  readonly norms: 'frozen' | 'train';
  readonly classes?: readonly string[];
  readonly licence?: string;
  readonly source?: string;
}

/** What torchvision's own ImageNet weights expect; the assumption for files that say nothing. */
export const torchvisionDescription: WeightsDescription = {
  input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], size: 224 },
  padding: 'torch',
  norms: 'train',
};
