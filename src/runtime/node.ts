// ONNX Runtime in Node, on the CPU or through WebGPU. The only file that imports onnxruntime-node.

import './no-telemetry.ts';

import * as ort from 'onnxruntime-node';
import { fail } from '../core/errors.ts';
import type { DType, HostTensor } from '../core/tensor.ts';
import { processors } from './processors.ts';
import type { DeviceTensor, Session, SessionOptions } from './session.ts';

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
    return wrap(session, new Set(keep));
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

function wrap(session: ort.InferenceSession, keep: ReadonlySet<string>): Session {
  const runOnDevice: Session['runOnDevice'] = async (feeds) => {
    const tensors: Record<string, ort.Tensor> = {};
    for (const name of session.inputNames) tensors[name] = feed(session, name, feeds[name]);
    const results = await session.run(tensors).catch((cause: Error) => {
      throw fail('FM_RUNTIME', 'graph', {
        expected: 'inputs of the declared shapes, and memory for the step',
        got: cause.message.replaceAll(/\s+/g, ' '),
        next: 'Check what is fed; where memory ran out, take a smaller batch or image.',
        cause,
      });
    });
    const host: Record<string, HostTensor> = {};
    const kept: Record<string, DeviceTensor> = {};
    for (const name of session.outputNames) {
      const tensor = results[name];
      const type = { dtype: tensor.type as DType, shape: tensor.dims };
      // the data of a tensor on a GPU must not be touched: onnxruntime-node would abort
      if (keep.has(name)) {
        kept[name] = { ...type, handle: tensor, dispose: () => tensor.dispose() };
      } else host[name] = { ...type, data: tensor.data as never };
    }
    return { host, kept };
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    runOnDevice,
    run: async (feeds) => (await runOnDevice(feeds)).host,
    async close() {
      await session.release();
    },
  };
}

function feed(
  session: ort.InferenceSession,
  name: string,
  tensor: HostTensor | DeviceTensor | undefined,
): ort.Tensor {
  if (tensor === undefined) {
    throw fail('FM_RUNTIME', `input '${name}'`, {
      expected: 'a tensor',
      got: 'none',
      next: `Feed ${session.inputNames.join(', ')}.`,
    });
  }
  if ('handle' in tensor) return tensor.handle as ort.Tensor;
  return new ort.Tensor(tensor.dtype, tensor.data as never, tensor.shape);
}
