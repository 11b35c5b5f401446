// The whole network over the validation images: answers, those of each scale, and where it looked; or
// what a stage's measure asks for.

import type { Example } from '../core/example.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { ScoredLabels } from '../evaluate/scores.ts';
import type { Value } from '../graph/value.ts';
import type { ImageStage, Measure } from '../methods/stage.ts';
import { imageInput } from '../nn/image-input.ts';
import { type ParameterNumbers, Parameters } from '../nn/scope.ts';
import { lowerRecogniser } from '../recognise/export.ts';
import { type PassOptions, passOverImages, type SeenView } from '../recognise/image-pass.ts';
import { isScale, recogniserGraph, scaleOutputs } from '../recognise/recogniser-graph.ts';
import { createSession } from '../runtime/node.ts';
import { maxPixelsOf } from './config.ts';
import type { Emit } from './events.ts';
import { fieldSpace } from './field-space.ts';
import type { Task } from './task.ts';

/** What validation works with. */
export interface ValidationContext {
  readonly task: Task;
  readonly emit: Emit;
  /** Throws when a person asked to stop. */
  readonly pause: () => void;
}

/** What the network says of one image. */
export interface SeenAnswer {
  readonly logits: Float32Array;
  /** Logits of each scale by name, coarsest first; empty for methods that look once. */
  readonly scales: Readonly<Record<string, Float32Array>>;
  /** `Recognition.boxes`; empty for methods without. */
  readonly boxes: Float32Array;
}

export interface PassSettings {
  /** Where the logits come from; the recogniser unless given. */
  readonly classify?: ImageStage['classify'];
  /** Decoded views, see `PassOptions.kept`. */
  readonly kept?: Map<string, SeenView>;
  readonly visit: (example: Example, answer: SeenAnswer) => void;
}

/** Runs the network as it is over the validation images. */
export async function validationPass(
  store: ParameterNumbers,
  context: ValidationContext,
  { classify, kept, visit }: PassSettings,
): Promise<void> {
  const { val } = context.task;
  const rowOf = ({ data }: HostTensor) => data as Float32Array;
  await runOver(outputsOf(context.task, classify), store, context, { kept }, (i, found) => {
    const scales = Object.entries(scaleOutputs(found)).map(([name, of]) => [name, rowOf(of)]);
    visit(val[i], {
      logits: rowOf(found.logits),
      scales: Object.fromEntries(scales),
      boxes: found.boxes === undefined ? new Float32Array() : rowOf(found.boxes),
    });
  });
}

/** The logits of all validation images, for fitting a temperature to. */
export async function validationScores(
  store: ParameterNumbers,
  context: ValidationContext,
): Promise<ScoredLabels> {
  const { val, context: about } = context.task;
  const { classes } = about;
  const values = new Float32Array(val.length * classes);
  let row = 0;
  await validationPass(store, context, {
    visit: (_, { logits }) => {
      values.set(logits, row++ * classes);
    },
  });
  return { values, classes, labels: val.map(({ label }) => label) };
}

/** Runs what a measure asks for over the validation images. */
export async function measurePass(
  measure: Measure,
  store: ParameterNumbers,
  context: ValidationContext,
  kept: Map<string, SeenView> | undefined,
): Promise<{ readonly score: number; readonly loss: number }> {
  const { task } = context;
  const { val, config } = task;
  const outputs = measure.outputs(new Parameters().root(), imageInput(1, config.size));
  const tally = measure.tally();
  const masks = task.dataset.supervision.includes('mask');
  const space = fieldSpace(task);
  await runOver(outputs, store, context, { kept, masks }, (i, found, { view, mask }) =>
    tally.add(found, val[i], { ...space, view, mask }),
  );
  return tally.result();
}

async function runOver(
  outputs: Readonly<Record<string, Value>>,
  store: ParameterNumbers,
  { task, emit, pause }: ValidationContext,
  more: Pick<PassOptions, 'kept' | 'masks'>,
  visit: (index: number, outputs: Record<string, HostTensor>, seen: SeenView) => void,
): Promise<void> {
  const { config, geometry, val } = task;
  const { threads, workers } = config;
  const session = await createSession(await lowerRecogniser(outputs, store), { threads });
  const { progress } = emit;
  try {
    const maxPixels = maxPixelsOf(config);
    const options = { geometry, workers, maxPixels, task: 'validation', progress, pause, ...more };
    await passOverImages(session, val, options, visit);
  } finally {
    await session.close();
  }
}

/** What validation needs of the recogniser: neither evidence nor descriptors. */
function outputsOf({ method, context, config }: Task, classify: ImageStage['classify']) {
  const parameters = new Parameters();
  const outputs = recogniserGraph(method, context, parameters, config.size);
  const wanted = Object.entries(outputs).filter(([name]) => name === 'boxes' || isScale(name));
  const logits = classify?.(parameters.root(), imageInput(1, config.size)) ?? outputs.logits;
  return { ...Object.fromEntries(wanted), logits };
}
