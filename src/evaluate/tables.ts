// An evaluation as files for other programs: classes, confusions and the answer to every image.

import { join } from 'node:path';
import { writeAtomic } from '../formats/atomic-file.ts';
import { type Cell, csv } from '../formats/csv.ts';
import type { EvaluationRun } from './evaluate.ts';
import { answersOf, softmax, truthRanks } from './scores.ts';

/** The answer to one image. */
export interface ImageAnswer {
  readonly id: string;
  readonly path: string;
  readonly truth: string;
  readonly answer: string;
  readonly right: boolean;
  readonly confidence: number;
  /** Of the true class. */
  readonly truthConfidence: number;
  /** Its place among the answers, from 1. */
  readonly truthRank: number;
}

/** Whose labels and names the logits are of. */
export interface AnsweredBy {
  readonly classes: readonly string[];
  readonly temperature: number;
}

/** Above so many classes the confusion matrix is mostly zeros: the pairs alone are written. */
const MATRIX_CLASSES = 500;

/** The answers to all images, in their order. */
export function imageAnswers(
  { examples, labels, logits }: EvaluationRun,
  { classes, temperature }: AnsweredBy,
): ImageAnswer[] {
  const k = classes.length;
  const scored = { values: logits, labels, classes: k };
  const probabilities = softmax(logits, k, temperature);
  const answers = answersOf(logits, k);
  const ranks = truthRanks(scored);
  return examples.map(({ id, path }, i) => ({
    id,
    path,
    truth: classes[labels[i]],
    answer: classes[answers[i]],
    right: answers[i] === labels[i],
    confidence: probabilities[i * k + answers[i]],
    truthConfidence: probabilities[i * k + labels[i]],
    truthRank: ranks[i] + 1,
  }));
}

/**
 * Writes `classes.csv`, `confusions.csv`, `confusion-matrix.csv` (of up to 500 classes), `images.csv` and
 * `evaluation.json` into a folder. Returns their paths.
 */
export async function writeTables(
  folder: string,
  run: EvaluationRun,
  by: AnsweredBy,
): Promise<string[]> {
  const images = imageAnswers(run, by);
  // what these say of a part is said of all by the answers and the whole matrix
  const { matrix: _, wrong: __, confusions: ___, ...evaluation } = run.evaluation;
  const confusions = countConfusions(images);
  const matrix = by.classes.length > MATRIX_CLASSES ? undefined : matrixOf(by.classes, confusions);
  const pairs = confusions.map(([truth, answer, n]) => ({ truth, answer, images: n }));
  const all = { ...evaluation, confusions: pairs, matrix, images };
  const files: Record<string, string> = {
    'classes.csv': classTable(run),
    'confusions.csv': csv([['truth', 'answer', 'images'], ...confusions]),
    'images.csv': imageTable(images),
    'evaluation.json': `${JSON.stringify(all, null, 2)}\n`,
  };
  if (matrix !== undefined) {
    const rows = matrix.map((row, i) => [by.classes[i], ...row]);
    files['confusion-matrix.csv'] = csv([['truth \\ answer', ...by.classes], ...rows]);
  }
  const paths = Object.keys(files).map((name) => join(folder, name));
  for (const [i, text] of Object.values(files).entries()) await writeAtomic(paths[i], text);
  return paths;
}

function classTable({ evaluation: { perClass } }: EvaluationRun): string {
  const heading = ['class', 'images', 'right', 'precision', 'recall', 'f1', 'most taken for'];
  const rows = perClass.map(({ name, n, correct, precision, recall, f1, takenFor }): Cell[] => [
    ...[name, n, correct, precision, recall, f1, takenFor],
  ]);
  return csv([heading, ...rows]);
}

function imageTable(images: readonly ImageAnswer[]): string {
  const heading = ['image', 'path', 'truth', 'answer', 'right', 'confidence'];
  const rows = images.map((i): Cell[] => [
    ...[i.id, i.path, i.truth, i.answer, i.right, i.confidence],
    ...[i.truthConfidence, i.truthRank],
  ]);
  return csv([[...heading, 'confidence of truth', 'rank of truth'], ...rows]);
}

/** Truth, answer and number of images of each pair that occurs, right answers among them. */
function countConfusions(images: readonly ImageAnswer[]): [string, string, number][] {
  const counts = new Map<string, Map<string, number>>();
  for (const { truth, answer } of images) {
    const row = counts.get(truth) ?? new Map<string, number>();
    counts.set(truth, row.set(answer, (row.get(answer) ?? 0) + 1));
  }
  return [...counts].flatMap(([truth, row]) =>
    [...row].map(([answer, n]): [string, string, number] => [truth, answer, n]),
  );
}

/** Counts `[truth][answer]`, in the order of the classes. */
function matrixOf(
  classes: readonly string[],
  confusions: readonly (readonly [string, string, number])[],
): number[][] {
  const place = new Map(classes.map((name, i) => [name, i]));
  const rows = classes.map(() => new Array<number>(classes.length).fill(0));
  for (const [truth, answer, n] of confusions) rows[place.get(truth)!][place.get(answer)!] = n;
  return rows;
}
