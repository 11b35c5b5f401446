// Writes a graph in ONNX Runtime's blocked layout, where its shapes allow; the rest is standard
// ONNX in canonical layout, with conversions in between.

import type { HostTensor } from '../../core/tensor.ts';
import type { LoweredModel, LowerOptions } from '../lowered.ts';
import { OnnxBuilder } from '../onnx/builder.ts';
import { constantOp, inputOp, parameterOp } from '../ops/leaf.ts';
import { graphError, type ParameterAttrs } from '../tensor-type.ts';
import { boundOpset, type Node, topologicalOrder, type Value } from '../value.ts';
import { type Assignment, assignLayouts } from './assign.ts';
import { countsWherePositive, findGroups, type Group, Uses } from './fuse.ts';
import { isAlias, type Layout, layoutKey, pack, paddedShape } from './layout.ts';
import { writeDot } from './reduce.ts';
import type { Plan } from './rule.ts';
import { blockedRules } from './table.ts';
import { BlockedWriter } from './writer.ts';

/** Lowers the named outputs for an engine whose blocks have `block` lanes. */
export function lowerBlocked(
  outputs: Readonly<Record<string, Value>>,
  options: LowerOptions,
  block: number,
): LoweredModel {
  if (options.freeBatch !== undefined) {
    throw graphError('lower', 'a fixed batch in the blocked lowering', 'a free one');
  }
  const order = topologicalOrder(Object.values(outputs), options.known);
  const uses = new Uses(order, Object.values(outputs));
  const positive = (node: Node) => countsWherePositive(node, uses);
  const given = givenLayouts(order, options);
  const assignment = assignLayouts(order, block, positive, given);
  const groups = findGroups(order, assignment, uses);
  const bound = { opset: boundOpset(order), ...options };
  const pass = new Pass(assignment, bound, block, positive);
  for (const unit of orderUnits(order, groups)) pass.write(unit);
  return pass.finish(outputs);
}

/** Leaves whose layout is settled by the graph that they are carried from. */
function givenLayouts(order: readonly Node[], { layouts }: LowerOptions): Map<Value, Layout> {
  const given = new Map<Value, Layout>();
  for (const node of order) {
    const layout = layouts?.get(leafName(node) ?? '');
    if (layout !== undefined) given.set(node.outputs[0], layout);
  }
  return given;
}

/** Name of an input, path of a parameter. */
function leafName({ op, attrs }: Node): string | undefined {
  if (op.name === inputOp.name) return (attrs as { name: string }).name;
  return op.name === parameterOp.name ? (attrs as ParameterAttrs).path : undefined;
}

type Unit = Node | Group;

function isGroup(unit: Unit): unit is Group {
  return 'root' in unit;
}

/** Nodes and groups, each after everything it reads. Groups that wait for each other are dissolved. */
function orderUnits(order: readonly Node[], groups: ReadonlyMap<Node, Group>): Unit[] {
  const left = new Map(groups);
  for (;;) {
    const sorted = sortUnits(order, left);
    if (!('deadlock' in sorted)) return sorted;
    left.delete(sorted.deadlock.root);
  }
}

function sortUnits(
  order: readonly Node[],
  groups: ReadonlyMap<Node, Group>,
): Unit[] | { deadlock: Group } {
  const owner = new Map<Node, Unit>();
  for (const node of order) owner.set(node, node);
  for (const group of groups.values()) for (const member of group.members) owner.set(member, group);
  const done = new Set<Unit>();
  const open = new Set<Unit>();
  const out: Unit[] = [];
  const stack: Unit[] = [];
  for (const node of order) {
    stack.push(owner.get(node)!);
    while (stack.length > 0) {
      const unit = stack[stack.length - 1];
      const members = isGroup(unit) ? unit.members : [unit];
      const waiting = members
        .flatMap((member) => member.inputs)
        .map((value) => owner.get(value.node))
        .filter((other) => other !== undefined && other !== unit && !done.has(other)) as Unit[];
      if (done.has(unit) || waiting.length === 0) {
        stack.pop();
        if (!done.has(unit)) out.push(unit);
        done.add(unit);
      } else {
        open.add(unit);
        const again = waiting.find((other) => open.has(other));
        if (again !== undefined) return { deadlock: [again, unit, ...open].find(isGroup)! };
        stack.push(...waiting);
      }
    }
  }
  return out;
}

/** The names under which a value stands in the ONNX graph, by layout. */
type Names = Map<string, string>;

class Pass {
  readonly #b: OnnxBuilder;
  readonly #w: BlockedWriter;
  readonly #names = new Map<Value, Names>();
  readonly #assignment: Assignment;
  readonly #options: LowerOptions;
  readonly #positive: (node: Node) => boolean;
  readonly #fed: string[] = [];
  readonly #layouts = new Map<string, Layout>();

  constructor(
    assignment: Assignment,
    options: LowerOptions,
    block: number,
    positive: (node: Node) => boolean,
  ) {
    this.#assignment = assignment;
    this.#options = options;
    this.#positive = positive;
    this.#b = new OnnxBuilder(options);
    this.#w = new BlockedWriter(this.#b, block);
  }

  write(unit: Unit): void {
    if (isGroup(unit)) this.#writeGroup(unit);
    else this.#writeNode(unit);
  }

  #writeNode(unit: Node): void {
    const { known } = this.#options;
    if (known !== undefined && unit.outputs.every((value) => known.has(value))) return;
    const { op } = unit;
    if (op.name === constantOp.name) return;
    if (op.name === inputOp.name || op.name === parameterOp.name) {
      this.#writeLeaf(unit);
      return;
    }
    const plan = this.#assignment.plans.get(unit);
    if (plan === undefined) {
      const inputs = unit.inputs.map((value) => this.#name(value, undefined));
      this.#keep(unit, op.portable(this.#b, unit, inputs), undefined);
    } else {
      const rule = blockedRules[op.name];
      const fused = { positive: op.name === 'maxPoolGrad' && this.#positive(unit) };
      this.#keep(unit, rule.write(this.#w, unit, this.#inputs(unit, plan), plan, fused), plan);
    }
  }

  #writeGroup({ root, anchor, kind, sum, activation, also }: Group): void {
    const plan = this.#assignment.plans.get(anchor)!;
    const inputs = this.#inputs(anchor, plan);
    if (kind === 'dot') {
      const rootPlan = this.#assignment.plans.get(root)!;
      const node = root as Node<{ axes: readonly number[] }>;
      this.#keep(root, [writeDot(this.#w, node, inputs, rootPlan.inputs[0]!)], rootPlan);
      return;
    }
    const layout = plan.outputs[0];
    const written = blockedRules[anchor.op.name].write(this.#w, anchor, inputs, plan, {
      sum: sum && this.#name(sum, layout, true),
      activation,
      also: also && [{ node: also, inputs: this.#inputs(also, this.#assignment.plans.get(also)!) }],
      positive: kind === 'mask',
    });
    this.#keep(anchor, written, plan);
    this.#set(root.outputs[0], layout, written[0]);
  }

  #inputs(node: Node, plan: Plan): string[] {
    const careless = blockedRules[node.op.name].elementwise === true;
    return node.inputs.map((value, i) => this.#name(value, plan.inputs[i], careless));
  }

  #keep(node: Node, written: readonly string[], plan: Plan | undefined): void {
    node.outputs.forEach((value, i) => {
      if (written[i] !== undefined) this.#set(value, plan?.outputs[i], written[i]);
    });
  }

  #set(value: Value, layout: Layout | undefined, name: string): void {
    let names = this.#names.get(value);
    if (names === undefined) {
      names = new Map();
      this.#names.set(value, names);
    }
    names.set(layoutKey(layout), name);
  }

  /**
   * Inputs and parameters. What is carried from step to step comes in the layout in which it is
   * used; what the graph holds is packed here; the rest is fed as it is.
   */
  #writeLeaf(node: Node): void {
    const [value] = node.outputs;
    const name = leafName(node)!;
    const isInput = node.op.name === inputOp.name;
    const type = { shape: value.shape, dtype: value.dtype };
    if (!isInput && this.#options.constants?.(name) !== undefined) return;
    const layout = this.#carriedLayout(name, value);
    const before = this.#layouts.get(name);
    if (this.#fed.includes(name) && layoutKey(before) !== layoutKey(layout)) {
      throw graphError(`input '${name}'`, 'one value of that name, or one layout', 'two of both');
    }
    this.#fed.push(name);
    if (layout === undefined) {
      this.#set(value, undefined, this.#b.graphInput(name, type));
      return;
    }
    this.#layouts.set(name, layout);
    const packed = { ...type, shape: paddedShape(value.shape, layout) };
    this.#set(value, layout, this.#b.graphInput(name, packed));
  }

  #carriedLayout(name: string, value: Value): Layout | undefined {
    if (value.dtype !== 'float32') return undefined;
    const { layouts, carried, packed } = this.#options;
    const given = layouts?.get(name);
    const free = carried?.has(name) || packed?.has(name);
    if (given !== undefined || layouts?.has(name) || !free) return given;
    const layout = this.#assignment.wished(value);
    return layout !== undefined && !isAlias(value.shape, layout) ? layout : undefined;
  }

  /** The name of a value in a layout; converts or stores it where it is not there yet. */
  #name(value: Value, layout: Layout | undefined, careless = false): string {
    const names = this.#names.get(value);
    const key = layoutKey(layout);
    const dirty = layout !== undefined && !careless && this.#assignment.dirty.has(value);
    const known = names?.get(dirty ? `clean ${key}` : key);
    if (known !== undefined) return known;
    const numbers = this.#numbers(value);
    if (numbers !== undefined) {
      const name = this.#b.constant(layout === undefined ? numbers : pack(numbers, layout));
      this.#set(value, layout, name);
      return name;
    }
    if (names === undefined) throw new Error(`blocked lowering: ${value.node.op.name} not written`);
    const name = this.#convert(value, names, layout);
    if (dirty) this.#names.get(value)!.set(`clean ${key}`, name);
    else this.#set(value, layout, name);
    return name;
  }

  /** From any layout to another, by way of the canonical one. */
  #convert(value: Value, names: Names, layout: Layout | undefined): string {
    let plain = names.get('');
    if (plain === undefined) {
      const own = this.#layoutOf(value);
      plain = this.#w.toCanonical(names.get(layoutKey(own))!, value, own);
      this.#set(value, undefined, plain);
    }
    return layout === undefined ? plain : this.#w.toLayout(plain, value, layout);
  }

  /** The layout in which a value was written first. */
  #layoutOf(value: Value): Layout {
    const { node, index } = value;
    const name = leafName(node);
    if (name !== undefined) return this.#layouts.get(name)!;
    return this.#assignment.plans.get(node)!.outputs[index]!;
  }

  /** Numbers that are known when the graph is written. */
  #numbers(value: Value): HostTensor | undefined {
    const { op, attrs } = value.node;
    if (this.#options.known?.has(value)) return this.#options.known.get(value);
    if (op.name === constantOp.name) return (attrs as { tensor: HostTensor }).tensor;
    if (op.name !== parameterOp.name) return undefined;
    return this.#options.constants?.((attrs as ParameterAttrs).path);
  }

  finish(outputs: Readonly<Record<string, Value>>): LoweredModel {
    const { carried } = this.#options;
    const fromOutput = new Map([...(carried ?? [])].map(([input, output]) => [output, input]));
    for (const [name, value] of Object.entries(outputs)) {
      const input = fromOutput.get(name);
      const layout = input === undefined ? undefined : this.#layouts.get(input);
      const shape = layout === undefined ? value.shape : paddedShape(value.shape, layout);
      if (layout !== undefined) this.#layouts.set(name, layout);
      this.#b.graphOutput(name, this.#name(value, layout), { shape, dtype: value.dtype });
    }
    return {
      bytes: this.#b.bytes(),
      inputs: [...new Set(this.#fed)],
      outputs: Object.keys(outputs),
      layouts: this.#layouts,
    };
  }
}
