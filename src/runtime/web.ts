// ONNX Runtime in a browser. Its package is passed in, so that a page loads the build that it wants.

import { fail } from '../core/errors.ts';
import { type OrtSession, type OrtTensorClass, wrapSession } from './ort-session.ts';
import type { Session } from './session.ts';

/** What is used of onnxruntime-web: the module itself, `import * as ort from 'onnxruntime-web'`. */
export interface OrtWeb {
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options?: { executionProviders?: readonly string[] },
    ): Promise<OrtSession>;
  };
  readonly Tensor: OrtTensorClass;
}

/** Loads a model with the first of the providers that works: `webgpu`, `wasm`. */
export async function createWebSession(
  ort: OrtWeb,
  model: Uint8Array,
  providers: readonly string[],
): Promise<Session> {
  try {
    const session = await ort.InferenceSession.create(model, { executionProviders: providers });
    return wrapSession(session, ort.Tensor);
  } catch (cause) {
    throw fail('FM_RUNTIME', 'model', {
      expected: `a model and an engine (${providers.join(', ')}) that runs it`,
      got: String((cause as Error)?.message ?? cause).replaceAll(/\s+/g, ' '),
      next: "Check that the engine's .wasm files are served, and that the model is fieldmark's.",
      cause,
    });
  }
}
