// Chooses the memory layout of every value of a graph, so that tensors change their layout only
// where they must: convolutions decide, and what works number by number follows its neighbours.

import type { Node, Value } from '../value.ts';
import { laneValue } from './elementwise.ts';
import { isPadded, type Layout } from './layout.ts';
import type { LayoutView, Plan } from './rule.ts';
import { blockedRules } from './table.ts';

export interface Assignment {
  /** Nodes that run in blocks; all others are canonical. */
  readonly plans: ReadonlyMap<Node, Plan>;
  /** Blocked values whose padded lanes hold something else than zero. */
  readonly dirty: ReadonlySet<Value>;
  /** The layout in which the first of a value's blocked users wants it. */
  wished(value: Value): Layout | undefined;
}

/** `order` holds inputs before their users; `given` leaves come in a layout of their own. */
export function assignLayouts(
  order: readonly Node[],
  block: number,
  positive: (node: Node) => boolean,
  given: ReadonlyMap<Value, Layout>,
): Assignment {
  const banned = new Set<Node>();
  for (;;) {
    const plans = propose(order, block, positive, given, banned);
    const { dirty, unknown } = inspectLanes(order, plans.plans);
    if (unknown.length === 0) return { ...plans, dirty };
    for (const node of unknown) banned.add(node);
  }
}

function propose(
  order: readonly Node[],
  block: number,
  positive: (node: Node) => boolean,
  given: ReadonlyMap<Value, Layout>,
  banned: ReadonlySet<Node>,
) {
  const plans = new Map<Node, Plan>();
  const wishes = new Map<Value, Layout>();
  const view: LayoutView = {
    block,
    layoutOf: (value) => plans.get(value.node)?.outputs[value.index] ?? given.get(value),
    wished: (value) => wishes.get(value),
    positive,
  };
  const visit = (node: Node): boolean => {
    const rule = blockedRules[node.op.name];
    if (rule === undefined || plans.has(node) || banned.has(node)) return false;
    const plan = rule.plan(node, view);
    if (plan === undefined) return false;
    plans.set(node, plan);
    node.inputs.forEach((value, i) => {
      const layout = plan.inputs[i];
      if (layout !== undefined && !wishes.has(value)) wishes.set(value, layout);
    });
    return true;
  };
  const backwards = [...order].reverse();
  let changed = true;
  while (changed) {
    changed = false;
    for (const node of order) changed = visit(node) || changed;
    for (const node of backwards) changed = visit(node) || changed;
  }
  return { plans, wished: view.wished };
}

/** Follows what stands in padded lanes; ops that may leave anything there must not run in blocks. */
function inspectLanes(order: readonly Node[], plans: ReadonlyMap<Node, Plan>) {
  const lanes = new Map<Value, number>();
  const unknown: Node[] = [];
  for (const node of order) {
    const plan = plans.get(node);
    const layout = plan?.outputs[0];
    if (layout === undefined || !blockedRules[node.op.name].elementwise) continue;
    const [y] = node.outputs;
    if (!isPadded(y.shape, layout)) continue;
    const lane = laneValue(node, (x) => {
      if (x.shape.length === 0 || x.shape.every((dim) => dim === 1)) return scalarOf(x);
      return fillsLanes(x, y, layout) ? undefined : (lanes.get(x) ?? 0);
    });
    if (lane === undefined) unknown.push(node);
    else lanes.set(y, lane);
  }
  const dirty = new Set([...lanes].flatMap(([value, lane]) => (lane === 0 ? [] : [value])));
  return { dirty, unknown };
}

/** True where an operand of size 1 is broadcast along an axis into the padded lanes of `y`. */
function fillsLanes(x: Value, y: Value, { axes, block }: Layout): boolean {
  const ahead = y.shape.length - x.shape.length;
  return axes.some((axis) => {
    const size = axis < ahead ? 1 : x.shape[axis - ahead];
    return y.shape[axis] % block !== 0 && size === 1;
  });
}

/** The number of a constant with one element. */
function scalarOf(x: Value): number | undefined {
  if (x.node.op.name !== 'constant') return undefined;
  const { tensor } = x.node.attrs as { tensor: { data: ArrayLike<number> } };
  return Number(tensor.data[0]);
}
