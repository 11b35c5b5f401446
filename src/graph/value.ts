// Symbolic tensors. A program is an ordinary function from values to values; nothing is computed
// until a lowering writes the graph down for an engine.

import type { Shape } from '../core/shape.ts';
import type { DType, HostTensor } from '../core/tensor.ts';
import type { OnnxBuilder } from './onnx/builder.ts';
import type { TensorType } from './tensor-type.ts';

/** Numbers in float64 (bool and integers included), as the reference implementations use them. */
export interface Reference {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/**
 * Vector-Jacobian product in the same ops: given the gradient of each output (undefined where nothing
 * depends on it), the gradient of each input for which `needed` is true. Undefined for an input of
 * whole numbers or truth values, which has none.
 */
export type Vjp<Attrs> = {
  // a method: a node of one op's attributes passes for any node
  rule(
    node: Node<Attrs>,
    gradients: readonly (Value | undefined)[],
    needed: readonly boolean[],
  ): readonly (Value | undefined)[];
}['rule'];

/**
 * One kind of operation. Everything known about it stands in this object: the shape rule, the
 * gradient, how it is written in ONNX, and what it means in plain float64 arithmetic.
 */
export interface Op<Attrs = unknown> {
  readonly name: string;
  /** Types of the outputs. Throws through `graphError` when the inputs do not fit. */
  infer(inputs: readonly TensorType[], attrs: Attrs): TensorType[];
  /** The rule of its gradient; or that it is zero by definition; or that nobody knows it. */
  readonly vjp: Vjp<Attrs> | 'zero' | 'opaque';
  /** Writes the node as standard ONNX operators, NCHW; returns one name per output. */
  portable(b: OnnxBuilder, node: Node<Attrs>, inputs: readonly string[]): string[];
  /** Version of the standard operators that `portable` is bound to; absent where any will do. */
  opset?(attrs: Attrs): number;
  /** Plain float64 meaning, used by tests only. */
  reference(inputs: readonly Reference[], attrs: Attrs, node: Node<Attrs>): Float64Array[];
}

/** One application of an op. */
export class Node<Attrs = unknown> {
  readonly op: Op<Attrs>;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];

  constructor(op: Op<Attrs>, inputs: readonly Value[], attrs: Attrs) {
    this.op = op;
    this.inputs = inputs;
    this.attrs = attrs;
    this.outputs = op
      .infer(inputs, attrs)
      .map((type, index) => new Value(this as Node, index, type));
  }
}

/** A symbolic tensor: one output of a node, with static shape and element type. */
export class Value implements TensorType {
  readonly node: Node;
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(node: Node, index: number, type: TensorType) {
    this.node = node;
    this.index = index;
    this.shape = type.shape;
    this.dtype = type.dtype;
  }
}

/** Applies an op and returns all its outputs. */
export function applyMany<A>(op: Op<A>, inputs: readonly Value[], attrs: A): readonly Value[] {
  return new Node(op, inputs, attrs).outputs;
}

/** Applies an op that has one output. */
export function apply<A>(op: Op<A>, inputs: readonly Value[], attrs: A): Value {
  return applyMany(op, inputs, attrs)[0];
}

/**
 * All nodes that the given values depend on, inputs before their users. Deterministic.
 * The walk does not go below nodes whose outputs are all `known`.
 */
export function topologicalOrder(
  values: readonly Value[],
  known?: { has(value: Value): boolean },
): Node[] {
  const isKnown = (node: Node) => known !== undefined && node.outputs.every((v) => known.has(v));
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack: Node[] = [];
  for (const value of values) {
    stack.push(value.node);
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      const seen = state.get(node);
      if (seen === undefined) {
        state.set(node, 'open');
        for (let i = isKnown(node) ? -1 : node.inputs.length - 1; i >= 0; i--) {
          const input = node.inputs[i].node;
          if (!state.has(input)) stack.push(input);
        }
      } else {
        stack.pop();
        if (seen === 'open') {
          state.set(node, 'done');
          order.push(node);
        }
      }
    }
  }
  return order;
}

/** The version of the standard operators that some nodes are bound to, if any. */
export function boundOpset(nodes: readonly Node[]): number | undefined {
  const node = nodes.find(({ op }) => op.opset !== undefined);
  return node?.op.opset?.(node.attrs);
}

/** What a leaf of the graph is: given from outside, held by the graph, or trained. */
export type { HostTensor };
