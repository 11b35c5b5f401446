// Accuracy and loss on the validation images, or what else a stage is judged by, after every epoch.

import { sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { AnswerTally } from '../evaluate/answer-tally.ts';
import { lower } from '../graph/lower.ts';
import { input } from '../graph/ops/leaf.ts';
import type { FeatureStage, ImageStage, Measure } from '../methods/stage.ts';
import { type ParameterNumbers, Parameters } from '../nn/scope.ts';
import type { SeenView } from '../recognise/image-pass.ts';
import { createSession } from '../runtime/node.ts';
import { featuresOf } from './features.ts';
import type { Phase } from './phase.ts';
import { measurePass, type ValidationContext, validationPass } from './validation-pass.ts';

/** What the network is worth on the validation images. */
export interface ValidationResult {
  /** Accuracy of the answers; null where the stage is judged by something else. */
  readonly top1: number | null;
  /** Mean negative log likelihood, or what decides among equal scores; lower is better. */
  readonly loss: number;
  /** Top-1 of each scale that the network looks at, by name. */
  readonly scales?: Readonly<Record<string, number>>;
  /** What the stage is judged by, where that is not `top1`. */
  readonly score?: Score;
}

/** Higher is better. */
export interface Score {
  readonly name: string;
  readonly value: number;
}

/** What epochs are ranked by. */
export function scoreOf({ score, top1 }: Pick<ValidationResult, 'score' | 'top1'>): number {
  return score?.value ?? top1 ?? Number.NaN;
}

export interface Validator {
  /** Scores the network with these numbers. */
  (numbers: ParameterNumbers): Promise<ValidationResult>;
  close(): Promise<void>;
}

/** How a phase is validated; null for phases that have nothing to choose. */
export async function validator(
  phase: Phase,
  store: ParameterNumbers,
  context: ValidationContext,
): Promise<Validator | null> {
  const { refit, stage, ownNetwork } = phase;
  if (refit || context.task.val.length === 0 || stage.keeps === 'unscored') return null;
  return stage.source === 'features'
    ? await featureValidator({ stage, ownNetwork }, store, context)
    : imageValidator(stage, context);
}

/** Validation images are decoded once and kept, up to this many bytes. */
const KEPT_BYTES = 256e6;

function imageValidator({ classify, measure }: ImageStage, context: ValidationContext): Validator {
  const { val, config } = context.task;
  const bytes = val.length * config.size ** 2 * 3;
  const kept = bytes <= KEPT_BYTES ? new Map<string, SeenView>() : undefined;
  const answers = async (now: ParameterNumbers): Promise<ValidationResult> => {
    const tallies = new Map<string, AnswerTally>();
    const whole = new AnswerTally();
    await validationPass(now, context, {
      ...{ classify, kept },
      visit: ({ label }, { logits, scales }) => {
        whole.add(logits, label);
        for (const [name, row] of Object.entries(scales)) {
          const tally = tallies.get(name) ?? new AnswerTally();
          tallies.set(name, tally);
          tally.add(row, label);
        }
      },
    });
    const scales = [...tallies].map(([name, tally]) => [name, tally.result().top1] as const);
    const found = scales.length > 0 ? { scales: Object.fromEntries(scales) } : {};
    return { ...whole.result(), ...found };
  };
  const measured = async (by: Measure, now: ParameterNumbers): Promise<ValidationResult> => {
    const { score: value, loss } = await measurePass(by, now, context, kept);
    return { top1: null, loss, score: { name: by.name, value } };
  };
  const validate = (now: ParameterNumbers) =>
    measure === undefined ? answers(now) : measured(measure, now);
  return Object.assign(validate, { close: async () => {} });
}

const ROWS = 64;

/** Validation on cached features: the classifier alone, as one small graph. */
async function featureValidator(
  phase: { readonly stage: FeatureStage } & Pick<Phase, 'ownNetwork'>,
  store: ParameterNumbers,
  { task, emit, pause }: ValidationContext,
): Promise<Validator> {
  const { val, context } = task;
  const { classes } = context;
  const table = await featuresOf(task, phase, store, val, emit, pause);
  const parameters = new Parameters(() => true);
  const features = input('features', [ROWS, ...table.shape]);
  const logits = phase.stage.classify(parameters.root(), features);
  const { bytes } = lower({ logits });
  const session = await createSession(bytes, { threads: 1 });
  const width = sizeOf(table.shape);

  const validate = async (now: ParameterNumbers) => {
    const tally = new AnswerTally();
    const numbers: Record<string, HostTensor> = {};
    for (const path of parameters.specs.keys()) numbers[path] = now.get(path)!;
    for (let first = 0; first < val.length; first += ROWS) {
      const rows = new Float32Array(ROWS * width);
      const count = Math.min(ROWS, val.length - first);
      for (let i = 0; i < count; i++) rows.set(table.rows[first + i], i * width);
      const out = await session.run({ ...numbers, features: float32(features.shape, rows) });
      const found = out.logits.data as Float32Array;
      for (let i = 0; i < count; i++) {
        tally.add(found.subarray(i * classes, (i + 1) * classes), val[first + i].label);
      }
    }
    return tally.result();
  };
  return Object.assign(validate, { close: () => session.close() });
}
