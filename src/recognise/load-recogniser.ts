// Loads a recogniser in Node: ONNX Runtime and the decoders in this thread, or in one of their own.

import type { Photograph } from '../data/image/photograph.ts';
import { readPhotograph } from '../data/image/read-photograph.ts';
import { createSession } from '../runtime/node.ts';
import type { Manifest } from './manifest.ts';
import { graphFor } from './model-use.ts';
import { openModel } from './open-model.ts';
import { cutView, type ViewRequest } from './photo-view.ts';
import { Recogniser, type RecogniserParts } from './recogniser.ts';
import { openInThread } from './recogniser-thread.ts';
import type { CutView, LookOptions } from './view.ts';

export interface LoadOptions {
  /** Threads of the engine. Default: all processors. */
  readonly threads?: number;
  /**
   * Loads the model so that `predict` can explain an answer against a rival (`versus`). Throws
   * FM_FORMAT for models of before there was that.
   */
  readonly contrast?: boolean;
  /**
   * False: the maps of the evidence are not computed, which saves time; `activation` and `heat` of
   * predictions are empty then, and there are no `descriptors`. Default: true.
   */
  readonly evidence?: boolean;
  /**
   * Loads, decodes and runs in a worker thread, so that this thread stays free for others. The
   * thread does not keep the process alive. Default: false.
   */
  readonly worker?: boolean;
}

/** Loads a model: a run folder, or a folder with model.onnx and fieldmark.json. */
export async function loadRecogniser(
  folder: string,
  options: LoadOptions = {},
): Promise<Recogniser> {
  const { threads, contrast = false, evidence = true, worker = false } = options;
  const use = { contrast, evidence };
  if (worker) {
    const { manifest, session, cut } = await openInThread({ folder, threads, use });
    return new Recogniser(manifest, session, { contrast, look: looking(cut) });
  }
  const model = await openModel(folder);
  const { manifest } = model;
  const session = await createSession(graphFor(model, use), { threads });
  return new Recogniser(manifest, session, { contrast, look: lookHere(manifest) });
}

/** Looks at photographs in this thread. */
export function lookHere({ input }: Pick<Manifest, 'input'>): RecogniserParts['look'] {
  return looking((request) => cutView(request, input));
}

function looking(cut: (request: ViewRequest) => Promise<CutView>): RecogniserParts['look'] {
  return async (photo: Photograph, options: LookOptions) =>
    await cut({ photo: await readPhotograph(photo), ...options });
}
