// Writes a graph down as an ONNX model. Names and order depend on the graph alone.

import { lowerBlocked } from './blocked/lower.ts';
import type { LoweredModel, LowerOptions } from './lowered.ts';
import { OnnxBuilder } from './onnx/builder.ts';
import { inputOp, parameterOp } from './ops/leaf.ts';
import type { ParameterAttrs } from './tensor-type.ts';
import { boundOpset, type Node, topologicalOrder, type Value } from './value.ts';

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

function isFed(node: Node, options: LowerOptions): boolean {
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
