// Finds work that can be done while a convolution writes its result: adding another map, applying
// an activation, dropping a mask that changes nothing, summing a product at once.

import { sameShape } from '../../core/shape.ts';
import type { ConvAttrs } from '../ops/window.ts';
import type { Node, Value } from '../value.ts';
import type { Assignment } from './assign.ts';
import { isUnit } from './conv-grad-input.ts';
import { sameLayout } from './layout.ts';
import type { BlockedRule, Plan } from './rule.ts';
import { blockedRules } from './table.ts';
import type { Activation } from './writer.ts';

/** Several nodes that are written as one. */
export interface Group {
  /** The node whose output the group computes. */
  readonly root: Node;
  /** The node that does the work; its other outputs stay visible. */
  readonly anchor: Node;
  readonly kind: 'convolution' | 'strided' | 'dot' | 'mask';
  readonly sum?: Value;
  readonly activation?: Activation;
  /** A second strided input gradient. */
  readonly also?: Node;
  /** Everything that the group replaces, the root and the anchor included. */
  readonly members: readonly Node[];
}

/** Users of each value among the nodes; graph outputs count as users too. */
export class Uses {
  readonly #users = new Map<Value, Node[]>();
  readonly #outputs: ReadonlySet<Value>;

  constructor(order: readonly Node[], outputs: readonly Value[]) {
    this.#outputs = new Set(outputs);
    for (const node of order) {
      for (const value of node.inputs) {
        const users = this.#users.get(value);
        if (users === undefined) this.#users.set(value, [node]);
        else users.push(node);
      }
    }
  }

  of(value: Value): readonly Node[] {
    return this.#users.get(value) ?? [];
  }

  isOutput(value: Value): boolean {
    return this.#outputs.has(value);
  }

  /** True where exactly one node reads the value, once. */
  once(value: Value): boolean {
    return !this.#outputs.has(value) && this.of(value).length === 1;
  }
}

/** A value that is never negative because of how it is made. */
function neverNegative(value: Value): boolean {
  const { op, attrs, inputs } = value.node;
  if (op.name === 'relu') return true;
  if (op.name === 'clamp') return (attrs as { low: number }).low >= 0;
  if (op.name === 'concat' || op.name === 'maxPool') return inputs.every(neverNegative);
  return false;
}

/** The mask of a ReLU whose result is `map`. */
function isPositiveMask({ node: { op, attrs, inputs } }: Value, map: Value): boolean {
  return op.name === 'indicator' && inputs[0] === map && (attrs as { low: number }).low === 0;
}

/** The part of a concatenation whose gradient a slice takes out. */
function partOf(map: Value, slice: Node): Value | undefined {
  const { op, attrs, inputs } = map.node;
  if (op.name !== 'concat') return undefined;
  const { axis } = attrs as { axis: number };
  const { starts, steps } = slice.attrs as { starts: number[]; steps: number[] };
  let start = 0;
  for (const part of inputs) {
    const whole = sameShape(part.shape, slice.outputs[0].shape) && steps.every((s) => s === 1);
    if (whole && starts.every((at, i) => at === (i === axis ? start : 0))) return part;
    start += part.shape[axis];
  }
  return undefined;
}

/**
 * True where the gradient of a max-pooling only counts where its map is positive: the map comes
 * from ReLUs, and every way down leads through their masks.
 */
export function countsWherePositive(node: Node, uses: Uses): boolean {
  if (!neverNegative(node.inputs[0])) return false;
  // a gradient and the map that it is the gradient of
  const open: [Value, Value][] = [[node.outputs[0], node.inputs[0]]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, map] = next;
    if (uses.isOutput(value)) return false;
    for (const user of uses.of(value)) {
      const { name } = user.op;
      if (name === 'mul' && user.inputs.some((mask) => isPositiveMask(mask, map))) continue;
      const below =
        name === 'add'
          ? map
          : name === 'slice'
            ? partOf(map, user)
            : name === 'maxPoolGrad' && user.inputs[1] === map
              ? user.inputs[0] // a maximum above zero stands where its map is above zero
              : undefined;
      if (below === undefined) return false;
      open.push([user.outputs[0], below]);
    }
  }
  return true;
}

/** The groups by their roots. Each node belongs to one group at most. */
export function findGroups(
  order: readonly Node[],
  assignment: Assignment,
  uses: Uses,
): Map<Node, Group> {
  const taken = new Set<Node>();
  const groups = new Map<Node, Group>();
  const { plans } = assignment;
  const finders = [activated, summed, strided, dot, masked];
  // from the outputs down, so that the longest chain is found first
  for (const node of [...order].reverse()) {
    if (!plans.has(node) || taken.has(node)) continue;
    for (const find of finders) {
      const group = find(node, assignment, uses);
      if (group === undefined || group.members.some((member) => taken.has(member))) continue;
      for (const member of group.members) taken.add(member);
      groups.set(node, group);
      break;
    }
  }
  return groups;
}

type Plans = ReadonlyMap<Node, Plan>;

/** The value's node, where it can take a sum and an activation along and nobody else needs it. */
function fusable(value: Value, plans: Plans, uses: Uses): Node | undefined {
  const rule: BlockedRule | undefined = blockedRules[value.node.op.name];
  const able = plans.has(value.node) && value.index === 0 && rule?.fuses?.(value.node) === true;
  return able && uses.once(value) ? value.node : undefined;
}

function activationOf({ op, attrs }: Node): Activation | undefined {
  if (op.name === 'relu') return { name: 'Relu' };
  if (op.name !== 'clamp') return undefined;
  const { low, high } = attrs as { low: number; high: number };
  return { name: 'Clip', params: [low, high] };
}

/** relu(conv(x)) and relu(conv(x) + y). */
function activated(root: Node, assignment: Assignment, uses: Uses): Group | undefined {
  const { plans } = assignment;
  const activation = activationOf(root);
  if (activation === undefined) return undefined;
  const [x] = root.inputs;
  const kind = 'convolution';
  const anchor = fusable(x, plans, uses);
  if (anchor !== undefined) return { root, anchor, kind, activation, members: [root, anchor] };
  if (x.node.op.name !== 'add' || !plans.has(x.node) || !uses.once(x)) return undefined;
  const inner = summed(x.node, assignment, uses);
  return inner && { ...inner, root, activation, members: [root, ...inner.members] };
}

/** conv(x) + y. */
function summed(root: Node, { plans }: Assignment, uses: Uses): Group | undefined {
  const [a, b] = root.inputs;
  if (root.op.name !== 'add' || !sameShape(a.shape, b.shape) || a === b) return undefined;
  for (const [value, sum] of [
    [b, a],
    [a, b],
  ]) {
    const anchor = fusable(value, plans, uses);
    if (anchor === undefined || dependsOn(sum, anchor)) continue;
    if (!sameLayout(plans.get(anchor)?.outputs[0], plans.get(root)?.outputs[0])) continue;
    return { root, anchor, kind: 'convolution', sum, members: [root, anchor] };
  }
  return undefined;
}

/** True where a value needs one of the anchor's other outputs: it would wait for itself. */
function dependsOn(value: Value, anchor: Node): boolean {
  if (anchor.outputs.length === 1) return false; // its only output has one user
  const seen = new Set<Node>();
  const open = [value.node];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === anchor) return true;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) open.push(input.node);
  }
  return false;
}

/** The sum of two strided input gradients: they are added phase by phase. */
function strided(root: Node, { plans }: Assignment, uses: Uses): Group | undefined {
  if (root.op.name !== 'add') return undefined;
  const parts = root.inputs.map(({ node }) => node);
  const able = parts.every((node, i) => {
    if (node.op.name !== 'conv2dGradInput' || !plans.has(node)) return false;
    return uses.once(root.inputs[i]) && !isUnit((node.attrs as ConvAttrs).strides);
  });
  if (!able || parts[0] === parts[1]) return undefined;
  const [first, second] = parts.map(({ attrs }) => (attrs as ConvAttrs).strides.join());
  if (first !== second) return undefined;
  return { root, anchor: parts[0], kind: 'strided', also: parts[1], members: [root, ...parts] };
}

/** sum(a * b). */
function dot(root: Node, { plans, dirty }: Assignment, uses: Uses): Group | undefined {
  if (root.op.name !== 'sum') return undefined;
  const [x] = root.inputs;
  const { op, inputs } = x.node;
  const whole = inputs.every((value) => sameShape(value.shape, x.shape));
  if (op.name !== 'mul' || !whole || !plans.has(x.node) || !uses.once(x)) return undefined;
  if (dirty.has(x)) return undefined;
  return { root, anchor: x.node, kind: 'dot', members: [root, x.node] };
}

/** A ReLU's mask right below a max-pooling of its output: the pooling's gradient holds it. */
function masked(root: Node, { plans }: Assignment, uses: Uses): Group | undefined {
  if (root.op.name !== 'mul') return undefined;
  for (const [g, mask] of [root.inputs, [...root.inputs].reverse()]) {
    const { node } = g;
    if (node.op.name !== 'maxPoolGrad' || !plans.has(node) || !uses.once(g)) continue;
    const { op, attrs, inputs } = mask.node;
    if (op.name !== 'indicator' || inputs[0] !== node.inputs[0]) continue;
    const { low, high } = attrs as { low: number; high: number };
    if (low !== 0 || high !== Number.POSITIVE_INFINITY || !neverNegative(inputs[0])) continue;
    const members = uses.once(mask) ? [root, node, mask.node] : [root, node];
    return { root, anchor: node, kind: 'mask', members };
  }
  return undefined;
}
