// Accuracy over all images, per class and per level of the hierarchy. Everything is a fraction.
import type { HierarchyLevel } from '../core/example.ts';
import { answersOf, type ScoredLabels, truthRanks } from './scores.ts';

/** Fraction of images whose true class is among the k best. NaN when there is no image. */
export function topKAccuracy(scores: ScoredLabels, k = 1): number {
  const ranks = truthRanks(scores);
  let hits = 0;
  for (const rank of ranks) if (rank < k) hits++;
  return hits / ranks.length;
}

/** 1 where the answer is right, 0 where it is not. */
export function rightAnswers(scores: ScoredLabels): Uint8Array {
  const answers = answersOf(scores.values, scores.classes);
  return Uint8Array.from(answers, (answer, i) => (answer === scores.labels[i] ? 1 : 0));
}

/** How often one class was shown, found and named. */
export interface ClassCounts {
  /** Images of the class. */
  readonly n: Int32Array;
  /** Images of the class that were answered rightly. */
  readonly correct: Int32Array;
  /** Images of any class that were answered with this one. */
  readonly answered: Int32Array;
}

/** Counts per class, each array `[classes]`. */
export function countClasses(
  labels: ArrayLike<number>,
  answers: ArrayLike<number>,
  classes: number,
): ClassCounts {
  const n = new Int32Array(classes);
  const correct = new Int32Array(classes);
  const answered = new Int32Array(classes);
  for (let i = 0; i < labels.length; i++) {
    n[labels[i]]++;
    answered[answers[i]]++;
    if (labels[i] === answers[i]) correct[labels[i]]++;
  }
  return { n, correct, answered };
}

/** Recall of each class: correct / n, NaN for a class without images. */
export function perClassRecall(counts: ClassCounts): Float64Array {
  return Float64Array.from(counts.n, (n, k) => (n === 0 ? Number.NaN : counts.correct[k] / n));
}

/** Mean recall over the classes that are present; the "mean class accuracy" of CUB and Flowers. */
export function perClassMean(counts: ClassCounts): number {
  let sum = 0;
  let present = 0;
  counts.n.forEach((n, k) => {
    if (n === 0) return;
    sum += counts.correct[k] / n;
    present++;
  });
  return sum / present;
}

/** Accuracy at one level above the classes. */
export interface LevelAccuracy {
  /** Fraction of images whose node has the largest probability. */
  readonly top1: number;
  /** Images scored. */
  readonly n: number;
  /** Nodes of the level, for judging the number: chance is about 1 / nodes. */
  readonly nodes: number;
}

/**
 * Accuracy at a level of the hierarchy. A node's probability is the sum over its classes and the
 * answer is the largest sum: the Bayes decision for that level. The other habit, taking the parent
 * of the best class, ignores that three half-likely gulls outweigh one likelier tern, and is not
 * offered. `values` must be probabilities, `[n, classes]`.
 */
export function levelAccuracy(probabilities: ScoredLabels, level: HierarchyLevel): LevelAccuracy {
  const mass = levelMass(probabilities, level);
  const labels = Array.from(probabilities.labels, (label) => level.ofClass[label]);
  const nodes = level.names.length;
  return {
    top1: topKAccuracy({ values: mass, labels, classes: nodes }),
    n: labels.length,
    nodes,
  };
}

/** Probability of each node of a level: the sum over its classes. Gives `[n, nodes]`. */
export function levelMass(
  { values, classes }: Pick<ScoredLabels, 'values' | 'classes'>,
  level: HierarchyLevel,
): Float32Array {
  const nodes = level.names.length;
  const n = Math.floor(values.length / classes);
  const mass = new Float32Array(n * nodes);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < classes; k++) {
      mass[i * nodes + level.ofClass[k]] += values[i * classes + k];
    }
  }
  return mass;
}
