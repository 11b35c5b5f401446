// What every engine looks like to the rest of fieldmark: bytes of a graph in, tensors out.

import type { Shape } from '../core/shape.ts';
import type { DType, HostTensor } from '../core/tensor.ts';

/** Where a graph runs. */
export type Device = 'cpu' | 'webgpu';

/** A tensor that stays where a session computed it, until the next session reads it. */
export interface DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** The engine's own handle. */
  readonly handle: unknown;
  /** Frees its memory. To be called once nobody will feed it any more. */
  dispose(): void;
}

export interface SessionOptions {
  readonly device?: Device;
  /** Outputs that `run` leaves on the device. None on the CPU, where that gains nothing. */
  readonly keep?: readonly string[];
  /** Threads within one operator. Part of a run's configuration: it decides the last bits. */
  readonly threads?: number;
  /**
   * Keep one memory plan for all runs. Costs peak memory in training steps,
   * saves allocations in inference.
   */
  readonly memoryPattern?: boolean;
  /**
   * Keep freed memory for the next tensors. False returns it to the process: for graphs of which single
   * tensors are so large that an arena grows far beyond what is in use. Default: true.
   */
  readonly arena?: boolean;
  /**
   * Threads that wait for work keep their processor. Saves microseconds an operator where nothing
   * else runs; false leaves the processors to those who decode images meanwhile. Default: true.
   */
  readonly spin?: boolean;
  /** Leave it to the caller to speak of errors; the engine writes none. */
  readonly quiet?: boolean;
  /** Write an operator profile to files with this prefix. */
  readonly profilePrefix?: string;
}

/** A graph that is ready to run. Not to be used from two places at once. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs once. Tensors that came out of a run may be fed to the next without a copy.
   * Outputs named in `keep` are not among the results.
   */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  /** The same with tensors on the device, in and out. */
  runOnDevice(feeds: Readonly<Record<string, HostTensor | DeviceTensor>>): Promise<DeviceResults>;
  close(): Promise<void>;
}

export interface DeviceResults {
  readonly host: Record<string, HostTensor>;
  /** The outputs named in `keep`. */
  readonly kept: Record<string, DeviceTensor>;
}
