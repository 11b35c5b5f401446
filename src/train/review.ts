// What a stage's review is shown, and what becomes of its finding.

import { topKAccuracy } from '../evaluate/accuracy.ts';
import { type ScoredLabels, softmax } from '../evaluate/scores.ts';
import type { Finding, ScaleResult, Stage } from '../methods/method.ts';
import type { ParameterNumbers } from '../nn/scope.ts';
import type { ChosenEpoch } from './checkpoint.ts';
import type { Emit } from './events.ts';
import { byScale, type MetricsLine } from './run-folder.ts';
import type { Task } from './task.ts';
import { validationPass } from './validation-pass.ts';

export interface ReviewResult {
  readonly finding: Finding | undefined;
  /** For the log. */
  readonly line: MetricsLine;
}

/** Shows a stage the network that it left, on the validation images. */
export async function reviewStage(
  task: Task,
  stage: Stage,
  store: ParameterNumbers,
  emit: Emit,
  pause: () => void,
): Promise<ReviewResult> {
  const { scales, boxes } = await validationPass(task, store, emit, pause);
  const results = Object.entries(scales).map(([name, scored]) => resultOf(name, scored));
  const finding = stage.review?.({ images: task.val.length, scales: results, boxes });
  const each = (what: 'top1' | 'truth') =>
    Object.fromEntries(results.map((result) => [result.name, result[what]]));
  const line = {
    stage: stage.name,
    refit: false,
    finding: finding?.text ?? null,
    ...byScale('valTop1', each('top1')),
    ...byScale('valTruth', each('truth')),
  };
  return { finding, line };
}

function resultOf(name: string, scored: ScoredLabels): ScaleResult {
  const { values, labels, classes } = scored;
  const probabilities = softmax(values, classes);
  let truth = 0;
  for (let i = 0; i < labels.length; i++) truth += probabilities[i * classes + labels[i]];
  return { name, top1: topKAccuracy(scored, 1), truth: truth / labels.length };
}

/** The task as it is after what was decided so far. */
export function withDecisions(task: Task, chosen: readonly ChosenEpoch[]): Task {
  const decisions = Object.assign({}, ...chosen.map(({ finding }) => finding?.decisions ?? {}));
  return { ...task, context: { ...task.context, decisions } };
}

/** What was found so far, in order. */
export function findingsOf(chosen: readonly ChosenEpoch[]): string[] {
  return chosen.flatMap(({ finding }) => (finding === undefined ? [] : [finding.text]));
}
