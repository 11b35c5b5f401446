// The training step.

import type { LoweringChoice } from '../../src/runtime/choices.ts';
import type { Setting, StepWork } from '../support/job.ts';
import { type Prepared, timed } from '../support/serve.ts';
import { prepareStep } from '../support/step.ts';

/** One repetition is one step. */
export async function prepareTrainStep(job: StepWork & Setting): Promise<Prepared> {
  const lowering = job.variant as LoweringChoice;
  const step = await prepareStep(job, { lowering, threads: job.threads });
  return {
    createMs: step.createMs,
    repeat: () => timed(step.run),
    close: step.close,
  };
}
