// ONNX Runtime in Node, on the CPU. The only file that imports onnxruntime-node.

import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import { fail } from '../core/errors.ts';
import type { DType, HostTensor } from '../core/tensor.ts';
import type { Session, SessionOptions } from './session.ts';

/** Version of the engine: results may differ in their last bits between versions. */
export const engineVersion: string = ort.env.versions.node ?? ort.env.versions.common;

/** Default number of threads: the processors this process may use. */
export function defaultThreads(): number {
  return availableParallelism();
}

/** Loads a model from bytes or from a file. */
export async function createSession(
  model: Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? defaultThreads(),
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableMemPattern: options.memoryPattern ?? true,
    logSeverityLevel: 3,
    ...(options.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
  try {
    const session =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, sessionOptions)
        : await ort.InferenceSession.create(model, sessionOptions);
    return wrap(session);
  } catch (cause) {
    throw fail('FM_RUNTIME', typeof model === 'string' ? model : 'createSession', {
      expected: 'a model that ONNX Runtime accepts',
      got: (cause as Error).message,
      next: 'If the file was written by fieldmark, export it again; it may be cut short.',
      cause,
    });
  }
}

function wrap(session: ort.InferenceSession): Session {
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const tensors: Record<string, ort.Tensor> = {};
      for (const name of session.inputNames) {
        const tensor = feeds[name];
        if (tensor === undefined) {
          throw fail('FM_RUNTIME', `input '${name}'`, {
            expected: 'a tensor',
            got: 'none',
            next: `Feed ${session.inputNames.join(', ')}.`,
          });
        }
        tensors[name] = new ort.Tensor(tensor.dtype, tensor.data as never, tensor.shape);
      }
      const results = await session.run(tensors);
      const out: Record<string, HostTensor> = {};
      for (const name of session.outputNames) {
        const { type, dims, data } = results[name];
        out[name] = { dtype: type as DType, shape: dims, data: data as never };
      }
      return out;
    },
    async close() {
      await session.release();
    },
  };
}
