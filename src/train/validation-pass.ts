// The whole network over the validation images: answers, those of each scale, and where it looked.

import type { HostTensor } from '../core/tensor.ts';
import type { ScoredLabels } from '../evaluate/scores.ts';
import type { Stage } from '../methods/method.ts';
import { imageInput } from '../nn/image-input.ts';
import { type ParameterNumbers, Parameters } from '../nn/scope.ts';
import { lowerRecogniser } from '../recognise/export.ts';
import { passOverImages } from '../recognise/image-pass.ts';
import { isScale, recogniserGraph, scaleOutputs } from '../recognise/recogniser-graph.ts';
import { createSession } from '../runtime/node.ts';
import { maxPixelsOf } from './config.ts';
import type { Emit } from './events.ts';
import type { Task } from './task.ts';

export interface PassResult {
  readonly scores: ScoredLabels;
  /** By name, coarsest first; empty for methods that look once. */
  readonly scales: Readonly<Record<string, ScoredLabels>>;
  /** `Recognition.boxes` of each image; empty rows for methods without. */
  readonly boxes: readonly Float32Array[];
}

export interface PassSettings {
  /** Where the logits come from; the recogniser unless given. */
  readonly classify?: Stage['classify'];
  /** Decoded views, see `PassOptions.kept`. */
  readonly kept?: Map<string, Uint8Array>;
}

/** Runs the network as it is over the validation images. */
export async function validationPass(
  task: Task,
  store: ParameterNumbers,
  emit: Emit,
  pause: () => void,
  { classify, kept }: PassSettings = {},
): Promise<PassResult> {
  const { config, geometry, val } = task;
  const outputs = outputsOf(task, classify);
  const session = await createSession(await lowerRecogniser(outputs, store), {
    threads: config.threads,
  });
  const logits = new Rows(task);
  const scales = new Map(Object.keys(scaleOutputs(outputs)).map((name) => [name, new Rows(task)]));
  const boxes: Float32Array[] = [];
  const { workers } = config;
  const options = {
    geometry,
    workers,
    maxPixels: maxPixelsOf(config),
    task: 'validation',
    progress: emit.progress,
    pause,
    kept,
  };
  try {
    await passOverImages(session, val, options, (i, found) => {
      logits.put(i, found.logits);
      for (const [name, of] of Object.entries(scaleOutputs(found))) scales.get(name)!.put(i, of);
      boxes.push((found.boxes?.data as Float32Array | undefined) ?? new Float32Array());
    });
  } finally {
    await session.close();
  }
  const scored = [...scales].map(([name, rows]) => [name, rows.scored] as const);
  return { scores: logits.scored, scales: Object.fromEntries(scored), boxes };
}

/** What validation needs of the recogniser: neither evidence nor descriptors. */
function outputsOf({ method, context, config }: Task, classify: Stage['classify']) {
  const parameters = new Parameters();
  const outputs = recogniserGraph(method, context, parameters, config.size);
  const wanted = Object.entries(outputs).filter(([name]) => name === 'boxes' || isScale(name));
  const logits = classify?.(parameters.root(), imageInput(1, config.size)) ?? outputs.logits;
  return { ...Object.fromEntries(wanted), logits };
}

/** Logits of all images, filled in one by one. */
class Rows {
  readonly scored: ScoredLabels;

  constructor({ val, context: { classes } }: Task) {
    const values = new Float32Array(val.length * classes);
    this.scored = { values, classes, labels: val.map(({ label }) => label) };
  }

  put(image: number, { data }: HostTensor): void {
    this.scored.values.set(data as Float32Array, image * this.scored.classes);
  }
}
