// Accuracy and loss on the validation images, after every epoch.

import { sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { topKAccuracy } from '../evaluate/accuracy.ts';
import { negativeLogLikelihood } from '../evaluate/calibration.ts';
import type { ScoredLabels } from '../evaluate/scores.ts';
import { lower } from '../graph/lower.ts';
import { input } from '../graph/ops/leaf.ts';
import { type ParameterNumbers, Parameters } from '../nn/scope.ts';
import { createSession } from '../runtime/node.ts';
import type { Emit } from './events.ts';
import { featuresOf } from './features.ts';
import type { Part } from './part.ts';
import type { Task } from './task.ts';
import { validationPass } from './validation-pass.ts';

/** Accuracy and mean loss on the validation images. */
export interface ValidationResult {
  readonly top1: number;
  readonly loss: number;
  /** Top-1 of each scale that the network looks at, by name. */
  readonly scales?: Readonly<Record<string, number>>;
}

export interface Validator {
  /** Scores the network with these numbers. */
  (numbers: ParameterNumbers): Promise<ValidationResult>;
  close(): Promise<void>;
}

/** How a part is validated; null for parts that have nothing to choose. */
export async function validator(
  task: Task,
  part: Part,
  store: ParameterNumbers,
  emit: Emit,
  pause: () => void,
): Promise<Validator | null> {
  if (part.refit || task.val.length === 0 || part.stage.validated === false) return null;
  if (part.stage.source === 'features') {
    return await featureValidator(task, part, store, emit, pause);
  }
  const bytes = task.val.length * task.config.size ** 2 * 3;
  const kept = bytes <= KEPT_BYTES ? new Map<string, Uint8Array>() : undefined;
  const { classify } = part.stage;
  const validate = async (now: ParameterNumbers) => {
    const { scores, scales } = await validationPass(task, now, emit, pause, { classify, kept });
    const top1 = Object.entries(scales).map(([name, of]) => [name, topKAccuracy(of, 1)] as const);
    return { ...score(scores), ...(top1.length > 0 ? { scales: Object.fromEntries(top1) } : {}) };
  };
  return Object.assign(validate, { close: async () => {} });
}

/** Validation images are decoded once and kept, up to this many bytes. */
const KEPT_BYTES = 256e6;

function score(scores: ScoredLabels): ValidationResult {
  return { top1: topKAccuracy(scores, 1), loss: negativeLogLikelihood(scores) };
}

const ROWS = 64;

/** Validation on cached features: the classifier alone, as one small graph. */
async function featureValidator(
  task: Task,
  part: Part,
  store: ParameterNumbers,
  emit: Emit,
  pause: () => void,
): Promise<Validator> {
  const { val, context } = task;
  const { classes } = context;
  const table = await featuresOf(task, part, store, val, emit, pause);
  const parameters = new Parameters(() => true);
  const features = input('features', [ROWS, ...table.shape]);
  const logits = part.stage.classify!(parameters.root(), features);
  const { bytes } = lower({ logits });
  const session = await createSession(bytes, { threads: 1 });
  const width = sizeOf(table.shape);
  const labels = val.map(({ label }) => label);

  const validate = async (now: ParameterNumbers) => {
    const values = new Float32Array(val.length * classes);
    const numbers: Record<string, HostTensor> = {};
    for (const path of parameters.specs.keys()) numbers[path] = now.get(path)!;
    for (let first = 0; first < val.length; first += ROWS) {
      const rows = new Float32Array(ROWS * width);
      const count = Math.min(ROWS, val.length - first);
      for (let i = 0; i < count; i++) rows.set(table.rows[first + i], i * width);
      const out = await session.run({ ...numbers, features: float32(features.shape, rows) });
      const wanted = (out.logits.data as Float32Array).subarray(0, count * classes);
      values.set(wanted, first * classes);
    }
    return score({ values, classes, labels });
  };
  return Object.assign(validate, { close: () => session.close() });
}
