// Which of several copies of a network is meant, by what they are called: moving averages before what
// they average, students before teachers, encoders of queries before those of keys.

const AVERAGES = ['ema', 'average', 'averaged', 'avg', 'swa', 'shadow', 'polyak'];
const COPIES = ['teacher', 'target', 'momentum', 'key', 'k', 'initial', 'init', 'previous', 'old'];
const OF_TRAINING = ['optimizer', 'optimizers', 'optim', 'opt', 'grad', 'grads', 'scheduler'];
const BEHIND = new Set([...COPIES, ...OF_TRAINING]);

/** Usual names of state dicts in checkpoints, the most exact first. */
const USUAL = ['state_dict', 'model_state_dict', 'model_state', 'model', 'net', 'network'];

export interface Copy {
  /** Keys or a prefix, with dots between: `model_ema.module`. */
  readonly name: string;
  /** How many of a network's tensors it has. */
  readonly size: number;
}

/**
 * The copies, the one that is meant first. An average, and what is called the best, comes before the
 * others only where it is whole: averages of the parameters alone lack the statistics of norms.
 */
export function byPreference<T extends Copy>(copies: readonly T[]): T[] {
  const judged = copies.map((copy) => ({ copy, kind: kindOf(copy.name) }));
  const plain = judged.filter(({ kind }) => kind === 'plain');
  const whole = plain.reduce((largest, { copy }) => Math.max(largest, copy.size), 0);
  const ranked = judged.map(({ copy, kind }) => {
    const partial = (kind === 'average' || kind === 'best') && copy.size < whole;
    const usual = USUAL.includes(copy.name) ? USUAL.indexOf(copy.name) : USUAL.length;
    return { copy, rank: partial ? RANKS.length : RANKS.indexOf(kind), usual };
  });
  ranked.sort((a, b) => a.rank - b.rank || b.copy.size - a.copy.size || a.usual - b.usual);
  return ranked.map(({ copy }) => copy);
}

const RANKS = ['average', 'best', 'plain', 'copy'] as const;

function kindOf(name: string): (typeof RANKS)[number] {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/);
  if (words.some((word) => BEHIND.has(word))) return 'copy';
  if (words.some((word) => AVERAGES.includes(word))) return 'average';
  return words.includes('best') ? 'best' : 'plain';
}
