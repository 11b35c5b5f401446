// ONNX Runtime in Node, on the CPU or through WebGPU. The only file that imports onnxruntime-node.

import './no-telemetry.ts';

import * as ort from 'onnxruntime-node';
import { fail } from '../core/errors.ts';
import { type OrtSession, type OrtTensorClass, wrapSession } from './ort-session.ts';
import { processors } from './processors.ts';
import type { Session, SessionOptions } from './session.ts';

/** Version of the engine: results may differ in their last bits between versions. */
export const engineVersion: string = ort.env.versions.node ?? ort.env.versions.common;

/** Default number of threads: the processors this process may use. */
export function defaultThreads(): number {
  return processors();
}

/** Loads a model from bytes or from a file. */
export async function createSession(
  model: Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  const { device = 'cpu', keep = [] } = options;
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    intraOpNumThreads: options.threads ?? defaultThreads(),
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableMemPattern: options.memoryPattern ?? true,
    enableCpuMemArena: options.arena ?? true,
    logSeverityLevel: options.quiet ? 4 : 3,
    ...(options.spin === false
      ? { extra: { session: { intra_op: { allow_spinning: '0' } } } }
      : {}),
    ...(options.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    ...(keep.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(keep.map((name) => [name, 'gpu-buffer'])) }),
  };
  try {
    const session =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, sessionOptions)
        : await ort.InferenceSession.create(model, sessionOptions);
    return wrapSession(
      session as unknown as OrtSession,
      ort.Tensor as OrtTensorClass,
      new Set(keep),
    );
  } catch (cause) {
    const advice =
      typeof model === 'string'
        ? 'If the file was written by fieldmark, export it again; it may be cut short.'
        : 'Please report this with the network and the settings; fieldmark made the graph itself.';
    throw fail('FM_RUNTIME', typeof model === 'string' ? model : 'graph', {
      expected: 'a model that ONNX Runtime accepts',
      got: (cause as Error).message,
      next:
        device === 'cpu'
          ? advice
          : "Use '--device cpu' where this machine has no GPU that Vulkan, Metal or D3D12 drives.",
      cause,
    });
  }
}
