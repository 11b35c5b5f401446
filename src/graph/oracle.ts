// Evaluates a graph in plain float64, op by op. The measure that lowerings are held against;
// far too slow for anything but tests.

import { inputOp, parameterOp } from './ops/leaf.ts';
import { graphError, type ParameterAttrs } from './tensor-type.ts';
import { type Reference, topologicalOrder, type Value } from './value.ts';

/** Values of the given tensors, with inputs and parameters taken from `feeds` by name or path. */
export function evaluate(
  values: readonly Value[],
  feeds: Readonly<Record<string, ArrayLike<number>>> = {},
): Reference[] {
  const known = new Map<Value, Reference>();
  for (const node of topologicalOrder(values)) {
    const name = leafName(node.op.name, node.attrs);
    let results: Float64Array[];
    if (name === undefined) {
      results = node.op.reference(
        node.inputs.map((value) => known.get(value)!),
        node.attrs,
        node,
      );
    } else {
      if (feeds[name] === undefined) throw graphError('oracle', `numbers for '${name}'`, 'none');
      results = [Float64Array.from(feeds[name])];
    }
    node.outputs.forEach((value, i) => {
      known.set(value, { shape: value.shape, data: results[i] });
    });
  }
  return values.map((value) => known.get(value)!);
}

function leafName(op: string, attrs: unknown): string | undefined {
  if (op === inputOp.name) return (attrs as { name: string }).name;
  if (op === parameterOp.name) return (attrs as ParameterAttrs).path;
  return undefined;
}
