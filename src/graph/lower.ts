// Writes a graph down as an ONNX model. Names and order depend on the graph alone.

import type { HostTensor } from '../core/tensor.ts';
import type { Layout } from './blocked/layout.ts';
import { lowerBlocked } from './blocked/lower.ts';
import { type BuilderOptions, OnnxBuilder } from './onnx/builder.ts';
import { inputOp, parameterOp } from './ops/leaf.ts';
import {
  boundOpset,
  type Node,
  type ParameterAttrs,
  topologicalOrder,
  type Value,
} from './value.ts';

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

/** Lowers the named outputs and everything they depend on. */
export function lower(
  outputs: Readonly<Record<string, Value>>,
  options: LowerOptions = {},
): LoweredModel {
  const { lowering = 'portable' } = options;
  if (lowering !== 'portable') return lowerBlocked(outputs, options, lowering.block);
  const { known } = options;
  const order = topologicalOrder(Object.values(outputs), known);
  const b = new OnnxBuilder({ opset: boundOpset(order), ...options });
  const names = new Map<Value, string>();
  const fed: string[] = [];
  for (const node of order) {
    if (known !== undefined && node.outputs.every((value) => known.has(value))) {
      for (const value of node.outputs) names.set(value, b.constant(known.get(value)!));
      continue;
    }
    const inputs = node.inputs.map((value) => names.get(value)!);
    const written = node.op.portable(b, node, inputs);
    node.outputs.forEach((value, i) => {
      names.set(value, written[i]);
    });
    if (isFed(node, options)) fed.push(written[0]);
  }
  for (const [name, value] of Object.entries(outputs)) {
    b.graphOutput(name, names.get(value)!, value);
  }
  return {
    bytes: b.bytes(),
    inputs: [...new Set(fed)],
    outputs: Object.keys(outputs),
    layouts: new Map(),
  };
}

function isFed(node: Node, options: BuilderOptions): boolean {
  if (node.op.name === inputOp.name) return true;
  if (node.op.name !== parameterOp.name) return false;
  return options.constants?.((node.attrs as ParameterAttrs).path) === undefined;
}

/** The parameters that some values depend on, in the order in which they are first used. */
export function parametersOf(values: readonly Value[]): Value[] {
  const seen = new Set<string>();
  return topologicalOrder(values).flatMap((node) => {
    if (node.op.name !== parameterOp.name) return [];
    const { path } = node.attrs as ParameterAttrs;
    if (seen.has(path)) return [];
    seen.add(path);
    return [node.outputs[0]];
  });
}
