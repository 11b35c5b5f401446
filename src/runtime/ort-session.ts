// What the builds of ONNX Runtime for Node and for browsers have in common.

import { fail } from '../core/errors.ts';
import type { DType, HostTensor } from '../core/tensor.ts';
import type { DeviceTensor, Session } from './session.ts';

/** A tensor of ONNX Runtime. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  dispose(): void;
}

/** Its class. */
export type OrtTensorClass = new (type: DType, data: never, dims: readonly number[]) => OrtTensor;

/** A session of ONNX Runtime. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/**
 * A session of ONNX Runtime as the rest of fieldmark sees it. Outputs named in `keep` stay on the device.
 */
export function wrapSession(
  session: OrtSession,
  Tensor: OrtTensorClass,
  keep: ReadonlySet<string> = new Set(),
): Session {
  const feed = feeder(session, Tensor);
  const runOnDevice: Session['runOnDevice'] = async (feeds) => {
    const tensors: Record<string, OrtTensor> = {};
    for (const name of session.inputNames) tensors[name] = feed(name, feeds[name]);
    const results = await session.run(tensors).catch((cause: unknown) => {
      throw fail('FM_RUNTIME', 'graph', {
        expected: 'inputs of the declared shapes, and memory for the step',
        got: String((cause as Error)?.message ?? cause).replaceAll(/\s+/g, ' '),
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

function feeder(session: OrtSession, Tensor: OrtTensorClass) {
  return (name: string, tensor: HostTensor | DeviceTensor | undefined): OrtTensor => {
    if (tensor === undefined) {
      throw fail('FM_RUNTIME', `input '${name}'`, {
        expected: 'a tensor',
        got: 'none',
        next: `Feed ${session.inputNames.join(', ')}.`,
      });
    }
    if ('handle' in tensor) return tensor.handle as OrtTensor;
    return new Tensor(tensor.dtype, tensor.data as never, tensor.shape);
  };
}
