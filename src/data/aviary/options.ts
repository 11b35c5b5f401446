// The options of `aviary`, what they default to and what is refused.

import { fail } from '../../core/errors.ts';

/** How hard the pictures are; each can be set on its own. */
export interface SceneOptions {
  /** Range of body, head and tail angles: 0 one stance, 1 moderate (about 13 degrees). */
  readonly pose: number;
  /** The most things that stand before the bird; each picture draws 0 up to this many. */
  readonly occlusion: number;
  /** Longer side of the bird over the side of the picture: smallest and largest. */
  readonly fill: readonly [smallest: number, largest: number];
  /** Range of brightness, contrast and tint: 0 none, 1 moderate. */
  readonly lighting: number;
  /** How much stands behind the bird: 0 little, 1 moderate. */
  readonly clutter: number;
}

export type Difficulty = 'easy' | 'standard' | 'hard';

/** Presets of the scene options. */
export const difficulties: Readonly<Record<Difficulty, SceneOptions>> = {
  easy: { pose: 0.5, occlusion: 1, fill: [0.74, 0.86], lighting: 0.6, clutter: 0.6 },
  standard: { pose: 1, occlusion: 2, fill: [0.66, 0.84], lighting: 1, clutter: 1 },
  hard: { pose: 1.6, occlusion: 5, fill: [0.5, 0.8], lighting: 1.4, clutter: 1.6 },
};

/** Everything that decides a data set; the same options give the same bytes. */
export interface AviaryOptions extends Partial<SceneOptions> {
  /** Number of species, at least 2. Default 12. */
  readonly classes?: number;
  /** Default 120. */
  readonly trainPerClass?: number;
  /** Default 30. */
  readonly testPerClass?: number;
  /** Side of the square pictures in pixels, at least 32. Default 160. */
  readonly imageSize?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Species that share a genus, 2 to 8. Default 4. */
  readonly speciesPerGenus?: number;
  /** Share of the training labels that are wrong, in [0, 1]. Default 0. */
  readonly labelNoise?: number;
  /** Default `standard`. */
  readonly difficulty?: Difficulty;
}

/** The options with nothing left open. */
export type ResolvedOptions = Required<AviaryOptions>;

/** Fills in defaults and throws `FM_CONFIG` for values that cannot be. */
export function resolveOptions(options: AviaryOptions): ResolvedOptions {
  const difficulty = options.difficulty ?? 'standard';
  if (!(difficulty in difficulties)) {
    throw refuse('difficulty', Object.keys(difficulties).join(', '), difficulty);
  }
  const resolved: ResolvedOptions = {
    classes: options.classes ?? 12,
    trainPerClass: options.trainPerClass ?? 120,
    testPerClass: options.testPerClass ?? 30,
    imageSize: options.imageSize ?? 160,
    seed: options.seed ?? 0,
    speciesPerGenus: options.speciesPerGenus ?? 4,
    labelNoise: options.labelNoise ?? 0,
    difficulty,
    pose: options.pose ?? difficulties[difficulty].pose,
    occlusion: options.occlusion ?? difficulties[difficulty].occlusion,
    fill: options.fill ?? difficulties[difficulty].fill,
    lighting: options.lighting ?? difficulties[difficulty].lighting,
    clutter: options.clutter ?? difficulties[difficulty].clutter,
  };
  check(resolved);
  return resolved;
}

/** Integer or real, smallest, largest. */
const RANGES: readonly [keyof ResolvedOptions, 'integer' | 'real', number, number][] = [
  ['classes', 'integer', 2, 100_000],
  ['trainPerClass', 'integer', 0, 1e6],
  ['testPerClass', 'integer', 0, 1e6],
  ['imageSize', 'integer', 32, 4096],
  ['seed', 'integer', 0, Number.MAX_SAFE_INTEGER],
  ['speciesPerGenus', 'integer', 2, 8],
  ['labelNoise', 'real', 0, 1],
  ['pose', 'real', 0, 2],
  ['occlusion', 'integer', 0, 20],
  ['lighting', 'real', 0, 2],
  ['clutter', 'real', 0, 5],
];

function check(options: ResolvedOptions): void {
  for (const [key, kind, low, high] of RANGES) {
    const value = options[key] as number;
    const whole = kind === 'real' || Number.isInteger(value);
    if (!(whole && value >= low && value <= high)) {
      throw refuse(
        key,
        `${kind === 'integer' ? 'a whole' : 'a'} number from ${low} to ${high}`,
        value,
      );
    }
  }
  if (options.trainPerClass + options.testPerClass === 0) {
    throw refuse('trainPerClass', 'at least one picture per class', '0 and testPerClass 0');
  }
  const [small, large] = options.fill;
  if (!(small > 0.2 && small <= large && large <= 0.95)) {
    throw refuse('fill', 'two rising numbers in (0.2, 0.95]', options.fill.join(', '));
  }
}

function refuse(key: string, expected: string, got: unknown): Error {
  return fail('FM_CONFIG', `aviary ${key}`, { expected, got: String(got), next: `Change ${key}.` });
}
