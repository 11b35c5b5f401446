// Computes the constant part of a graph once, so that a model that is written down or run many
// times holds the results instead of the arithmetic: norms folded into kernels, for example.

import type { HostTensor } from '../core/tensor.ts';
import { lower } from '../graph/lower.ts';
import { constantOp, parameterOp } from '../graph/ops/leaf.ts';
import type { ParameterAttrs } from '../graph/tensor-type.ts';
import { type Node, topologicalOrder, type Value } from '../graph/value.ts';
import { createSession } from './node.ts';

/** Numbers of parameters, by path. */
type Numbers = (path: string) => HostTensor | undefined;

/** The outermost values that follow from constants alone, with their numbers. */
export async function foldConstants(
  outputs: readonly Value[],
  constants: Numbers,
): Promise<Map<Value, HostTensor>> {
  const fixed = new Set<Node>();
  const frontier = new Set<Value>();
  for (const node of topologicalOrder(outputs)) {
    if (isFixed(node, fixed, constants)) {
      fixed.add(node);
      continue;
    }
    for (const value of node.inputs) {
      if (fixed.has(value.node) && value.node.inputs.length > 0) frontier.add(value);
    }
  }
  if (frontier.size === 0) return new Map();
  const named = Object.fromEntries([...frontier].map((value, i) => [`f${i}`, value]));
  const session = await createSession(lower(named, { constants }).bytes, { threads: 1 });
  const results = await session.run({}).finally(() => session.close());
  return new Map(Object.entries(named).map(([name, value]) => [value, results[name]]));
}

function isFixed(node: Node, fixed: ReadonlySet<Node>, constants: Numbers): boolean {
  if (node.op.name === constantOp.name) return true;
  if (node.op.name === parameterOp.name) {
    return constants((node.attrs as ParameterAttrs).path) !== undefined;
  }
  return node.inputs.length > 0 && node.inputs.every((value) => fixed.has(value.node));
}
