// What a lowering is asked for, and what it gives.

import type { HostTensor } from '../core/tensor.ts';
import type { Layout } from './blocked/layout.ts';
import type { BuilderOptions } from './onnx/builder.ts';
import type { Value } from './value.ts';

export interface LoweredModel {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** Names that must be fed at each run: inputs and parameters that are not constant. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Memory layouts of the inputs and outputs that are not canonical. */
  readonly layouts: ReadonlyMap<string, Layout>;
}

export interface LowerOptions extends BuilderOptions {
  /** Values whose numbers are known already (`foldConstants`): they become constants. */
  readonly known?: ReadonlyMap<Value, HostTensor>;
  /**
   * Inputs that are fed with an output of the run before: input name to output name. Both may be
   * in whatever layout the graph works in.
   */
  readonly carried?: ReadonlyMap<string, string>;
  /** Further inputs that may be in whatever layout the graph works in. */
  readonly packed?: ReadonlySet<string>;
  /** Layouts of such inputs that another graph has settled; undefined is the canonical one. */
  readonly layouts?: ReadonlyMap<string, Layout | undefined>;
  /** `portable` when absent. */
  readonly lowering?: Lowering;
}

/**
 * How a graph is written down: `portable` in standard ONNX, which runs everywhere, or in ONNX
 * Runtime's blocked layout for CPUs, with the lanes of a block on the machine at hand.
 */
export type Lowering = 'portable' | { readonly block: number };
