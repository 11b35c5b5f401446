// The whole evaluation of one split as one plain object: what `evaluate` prints,
// what `report.html` shows, and what tests compare.
import { fail } from '../core/errors.ts';
import type { HierarchyLevel, Split } from '../core/example.ts';
import type { SeenCount } from '../data/seen-images.ts';
import {
  countClasses,
  type LevelAccuracy,
  levelAccuracy,
  perClassMean,
  topKAccuracy,
} from './accuracy.ts';
import {
  adaptiveBins,
  brierScore,
  calibrationError,
  confidencesOf,
  negativeLogLikelihood,
  type ReliabilityBin,
  reliabilityBins,
} from './calibration.ts';
import { confusedPairs, confusionMatrix } from './confusion.ts';
import { type Interval, perClassMeanInterval, wilsonInterval } from './intervals.ts';
import type { RetrievalByLevel } from './retrieval.ts';
import { answersOf, checkScores, type ScoredLabels, softmax, truthRanks } from './scores.ts';

/** One class of the table. Recall is null without images, precision when never answered. */
export interface ClassResult {
  readonly label: number;
  readonly name: string;
  readonly n: number;
  readonly correct: number;
  readonly recall: number | null;
  readonly precision: number | null;
  /** Harmonic mean of the two; null where one is. */
  readonly f1: number | null;
  /** The class it is most often taken for. */
  readonly takenFor?: string;
}

/** A pair of classes that is confused, by name. */
export interface NamedConfusion {
  readonly truth: string;
  readonly answer: string;
  readonly count: number;
  /** count / images of the true class. */
  readonly share: number;
}

/** One wrongly answered image. */
export interface WrongAnswer {
  readonly id: string;
  readonly truth: string;
  readonly answer: string;
  /** Calibrated probability of the answer. */
  readonly confidence: number;
  /** Calibrated probability of the true class, and its rank (1 would be right). */
  readonly truthConfidence: number;
  readonly truthRank: number;
}

/** JSON-able. Accuracies are fractions; intervals are 95 %. */
export interface Evaluation {
  readonly split: Split;
  readonly n: number;
  readonly classes: number;
  readonly top1: number;
  /** Null where there are no more than five classes: it would always be 1. */
  readonly top5: number | null;
  /** Mean recall over the classes present. */
  readonly perClassMean: number;
  readonly interval: { readonly top1: Interval; readonly perClassMean: Interval };
  /** By level name, coarsest first; empty without a hierarchy. */
  readonly levels: Readonly<Record<string, LevelAccuracy>>;
  /** Top-1 of each scale that the network looked at, by name, coarsest first; else empty. */
  readonly scales: Readonly<Record<string, number>>;
  readonly temperature: number;
  /** Expected calibration error: 15 bins of equal width, and of equal size. */
  readonly ece: number;
  readonly eceAdaptive: number;
  /** Mean negative log likelihood, nats, at the temperature. */
  readonly nll: number;
  readonly brier: number;
  readonly reliability: readonly ReliabilityBin[];
  readonly perClass: readonly ClassResult[];
  /** Most frequent first. */
  readonly confusions: readonly NamedConfusion[];
  /** Counts `[truth][answer]`, for at most 40 classes. */
  readonly matrix?: readonly (readonly number[])[];
  /** Surest mistake first. */
  readonly wrong: readonly WrongAnswer[];
  /** Each image querying the others by its embedding, where that was asked for. */
  readonly retrieval?: RetrievalByLevel;
  /** How many of the photographs the model had seen before; null where it does not remember any. */
  readonly seen?: SeenCount | null;
}

export interface SummaryInput {
  /** `[n, classes.length]`, row-major, before temperature. */
  readonly logits: Float32Array;
  /** The same of each scale, by name. */
  readonly scales?: ReadonlyMap<string, Float32Array>;
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
  readonly hierarchy?: readonly HierarchyLevel[];
  /** From `fitTemperature` on held-out images; 1 leaves the logits as they are. */
  readonly temperature: number;
  readonly split: Split;
  /** Example ids, in the order of the logits. */
  readonly ids: readonly string[];
  /** Keys the bootstrap. */
  readonly seed?: number;
}

/** The most classes whose confusion matrix is kept whole. */
export const MATRIX_CLASSES = 40;
/** The most confused pairs that are kept. */
const PAIRS_KEPT = 200;

/** Scores one split. Refuses an empty one and scores that do not fit (see `checkScores`). */
export function summarise(input: SummaryInput): Evaluation {
  const where = `evaluate ${input.split}`;
  const logits: ScoredLabels = {
    values: input.logits,
    labels: input.labels,
    classes: input.classes.length,
  };
  checkNotEmpty(input, where);
  checkScores(logits, where);
  const probabilities: ScoredLabels = {
    ...logits,
    values: softmax(input.logits, logits.classes, input.temperature),
  };
  // ranks come from the logits: probabilities can tie where they underflow
  const answers = answersOf(logits.values, logits.classes);
  return {
    split: input.split,
    n: input.labels.length,
    classes: logits.classes,
    ...accuracies(logits, answers, input.seed),
    levels: levelTable(probabilities, input.hierarchy ?? []),
    scales: Object.fromEntries(
      [...(input.scales ?? [])].map(([name, values]) => [
        name,
        topKAccuracy({ ...logits, values }, 1),
      ]),
    ),
    temperature: input.temperature,
    ...calibration(logits, probabilities, input.temperature),
    ...confusionTables(input, answers),
    wrong: wrongAnswers(input, { logits, probabilities, answers }),
  };
}

function checkNotEmpty({ labels, ids }: SummaryInput, where: string): void {
  if (labels.length > 0 && ids.length === labels.length) return;
  throw fail('FM_DATASET', where, {
    expected: 'at least one image, with an id each',
    got: `${labels.length} labels and ${ids.length} ids`,
    next: 'Choose a split that has images.',
  });
}

function accuracies(logits: ScoredLabels, answers: Int32Array, seed = 0) {
  const { labels, classes } = logits;
  const right = answers.map((answer, i) => (answer === labels[i] ? 1 : 0));
  const hits = right.reduce((sum, r) => sum + r, 0);
  return {
    top1: hits / labels.length,
    top5: classes > 5 ? topKAccuracy(logits, 5) : null,
    perClassMean: perClassMean(countClasses(labels, answers, classes)),
    interval: {
      top1: wilsonInterval(hits, labels.length),
      perClassMean: perClassMeanInterval(labels, right, classes, { seed }),
    },
  };
}

function levelTable(probabilities: ScoredLabels, hierarchy: readonly HierarchyLevel[]) {
  return Object.fromEntries(
    hierarchy.map((level) => [level.name, levelAccuracy(probabilities, level)]),
  );
}

function calibration(logits: ScoredLabels, probabilities: ScoredLabels, temperature: number) {
  const confidences = confidencesOf(probabilities);
  const reliability = reliabilityBins(confidences);
  return {
    ece: calibrationError(reliability),
    eceAdaptive: calibrationError(adaptiveBins(confidences)),
    nll: negativeLogLikelihood(logits, temperature),
    brier: brierScore(probabilities),
    reliability,
  };
}

function confusionTables({ labels, classes }: SummaryInput, answers: Int32Array) {
  const pairs = confusedPairs(labels, answers);
  const counts = countClasses(labels, answers, classes.length);
  const takenFor = new Map<number, number>();
  for (const { truth, answer } of pairs) if (!takenFor.has(truth)) takenFor.set(truth, answer);
  const perClass = classes.map((name, label): ClassResult => {
    const [n, correct, answered] = [counts.n[label], counts.correct[label], counts.answered[label]];
    const rival = takenFor.get(label);
    const named = n > 0 && answered > 0;
    return {
      label,
      name,
      n,
      correct,
      recall: n === 0 ? null : correct / n,
      precision: answered === 0 ? null : correct / answered,
      f1: named ? (2 * correct) / (n + answered) : null,
      ...(rival === undefined ? {} : { takenFor: classes[rival] }),
    };
  });
  const confusions = pairs.slice(0, PAIRS_KEPT).map(
    (pair): NamedConfusion => ({
      ...pair,
      truth: classes[pair.truth],
      answer: classes[pair.answer],
    }),
  );
  if (classes.length > MATRIX_CLASSES) return { perClass, confusions };
  const flat = confusionMatrix(labels, answers, classes.length);
  const matrix = classes.map((_, row) =>
    Array.from(flat.subarray(row * classes.length, (row + 1) * classes.length)),
  );
  return { perClass, confusions, matrix };
}

interface Scored {
  readonly logits: ScoredLabels;
  readonly probabilities: ScoredLabels;
  readonly answers: Int32Array;
}

function wrongAnswers({ ids, labels, classes }: SummaryInput, scored: Scored): WrongAnswer[] {
  const ranks = truthRanks(scored.logits);
  const wrong: WrongAnswer[] = [];
  scored.answers.forEach((answer, i) => {
    if (answer === labels[i]) return;
    const row = i * classes.length;
    wrong.push({
      id: ids[i],
      truth: classes[labels[i]],
      answer: classes[answer],
      confidence: scored.probabilities.values[row + answer],
      truthConfidence: scored.probabilities.values[row + labels[i]],
      truthRank: ranks[i] + 1,
    });
  });
  return wrong.sort((a, b) => b.confidence - a.confidence);
}
