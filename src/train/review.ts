// What a stage's review is shown, and what becomes of its finding.

import { AnswerTally } from '../evaluate/answer-tally.ts';
import { softmax } from '../evaluate/scores.ts';
import type { Finding, Review, ScaleResult } from '../methods/stage.ts';
import type { ParameterNumbers } from '../nn/scope.ts';
import type { ChosenEpoch } from './checkpoint.ts';
import type { Emit } from './events.ts';
import { byScale, type MetricsLine } from './metrics-log.ts';
import type { Task } from './task.ts';
import { validationPass } from './validation-pass.ts';

export interface ReviewResult {
  readonly finding: Finding | undefined;
  /** For the log. */
  readonly line: MetricsLine;
}

/** What a review works with. */
export interface ReviewPass {
  readonly task: Task;
  readonly store: ParameterNumbers;
  readonly emit: Emit;
  readonly pause: () => void;
}

/** Shows a review the network that the stage has left, on the validation images. */
export async function reviewStage(
  { review }: Review,
  stage: string,
  { task, store, emit, pause }: ReviewPass,
): Promise<ReviewResult> {
  const scales = new Map<string, ScaleTally>();
  const boxes: Float32Array[] = [];
  await validationPass(
    store,
    { task, emit, pause },
    {
      visit: ({ label }, answer) => {
        boxes.push(answer.boxes);
        for (const [name, logits] of Object.entries(answer.scales)) {
          const tally = scales.get(name) ?? new ScaleTally();
          scales.set(name, tally);
          tally.add(logits, label);
        }
      },
    },
  );
  const results = [...scales].map(([name, tally]) => ({ name, ...tally.result() }));
  const finding = review({ images: task.val.length, scales: results, boxes });
  const each = (what: 'top1' | 'truth') =>
    Object.fromEntries(results.map((result) => [result.name, result[what]]));
  const line = {
    stage,
    refit: false,
    finding: finding?.text ?? null,
    ...byScale('valTop1', each('top1')),
    ...byScale('valTruth', each('truth')),
  };
  return { finding, line };
}

/** Accuracy of a scale, and how sure it is of the truth. */
class ScaleTally {
  readonly #answers = new AnswerTally();
  #truth = 0;
  #images = 0;

  add(logits: Float32Array, label: number): void {
    this.#answers.add(logits, label);
    this.#truth += softmax(logits, logits.length)[label];
    this.#images++;
  }

  result(): Omit<ScaleResult, 'name'> {
    return { top1: this.#answers.result().top1, truth: this.#truth / this.#images };
  }
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
