// Reverse-mode differentiation: walks the graph backwards and emits the gradient as more graph,
// and only the part of it that was asked for.

import { type FieldmarkError, fail } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { add } from './ops/arithmetic.ts';
import { filled } from './ops/leaf.ts';
import { graphError } from './tensor-type.ts';
import { type Node, topologicalOrder, type Value } from './value.ts';

/**
 * Gradients of a scalar with respect to some values, in their order and of their shapes.
 * A value that the scalar does not depend on gets zeros. Throws FM_GRAPH where a gradient would have to
 * pass an op that is opaque.
 */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (sizeOf(loss.shape) !== 1) {
    throw graphError('gradients', 'a scalar', `shape [${loss.shape.join(', ')}]`);
  }
  return pullBack(loss, filled(loss.shape, 1), wrt);
}

/**
 * The gradient of the sum of `y * weights` with respect to some values, where `weights`, of the shape
 * of `y`, counts as constant, whatever it was computed from.
 */
export function pullBack(y: Value, weights: Value, wrt: readonly Value[]): Value[] {
  const order = topologicalOrder([y]);
  const active = activeNodes(order, wrt);
  const accumulated = new Map<Value, Value>([[y, weights]]);
  const targets = new Set(wrt);

  for (const node of [...order].reverse()) {
    if (!active.has(node)) continue;
    const incoming = node.outputs.map((output) => accumulated.get(output));
    if (incoming.every((gradient) => gradient === undefined)) continue;
    const needed = node.inputs.map((value) => active.has(value.node) || targets.has(value));
    const { name, vjp } = node.op;
    if (!needed.includes(true) || vjp === 'zero') continue;
    if (vjp === 'opaque') throw opaque(name);
    const contributions = vjp(node, incoming, needed);
    node.inputs.forEach((value, i) => {
      const contribution = contributions[i];
      if (!needed[i] || contribution === undefined) return;
      checkShape(node, i, contribution);
      const sum = accumulated.get(value);
      accumulated.set(value, sum === undefined ? contribution : add(sum, contribution));
    });
  }
  return wrt.map((value) => accumulated.get(value) ?? filled(value.shape, 0));
}

/** Nodes that lie on a path from a target to the loss on which a gradient may be other than zero. */
function activeNodes(order: readonly Node[], wrt: readonly Value[]): Set<Node> {
  const active = new Set(wrt.map((value) => value.node));
  for (const node of order) {
    if (node.op.vjp === 'zero') continue;
    if (node.inputs.some((value) => active.has(value.node))) active.add(node);
  }
  return active;
}

function opaque(name: string): FieldmarkError {
  return fail('FM_GRAPH', `gradient of ${name}`, {
    expected: 'an op whose gradient is known',
    got: `'${name}', which is opaque`,
    next: 'Give the op a rule, or pass its output through detach() where no gradient is meant.',
  });
}

function checkShape(node: Node, index: number, gradient: Value): void {
  const { shape } = node.inputs[index];
  if (shape.join() !== gradient.shape.join()) {
    throw graphError(
      `gradient of ${node.op.name} for input ${index}`,
      `shape [${shape.join(', ')}]`,
      `[${gradient.shape.join(', ')}]`,
    );
  }
}
