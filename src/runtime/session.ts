// What every engine looks like to the rest of fieldmark: bytes of a graph in, tensors out.

import type { HostTensor } from '../core/tensor.ts';

export interface SessionOptions {
  /** Threads within one operator. Part of a run's configuration: it decides the last bits. */
  readonly threads?: number;
  /**
   * Keep one memory plan for all runs. Costs peak memory in training steps,
   * saves allocations in inference.
   */
  readonly memoryPattern?: boolean;
  /** Write an operator profile to files with this prefix. */
  readonly profilePrefix?: string;
}

/** A graph that is ready to run. Not to be used from two places at once. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs once. Tensors that came out of a run may be fed to the next without a copy. */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}
