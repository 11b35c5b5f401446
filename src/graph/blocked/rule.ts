// What the blocked lowering knows about an op.

import type { Node, Value } from '../value.ts';
import type { Layout } from './layout.ts';
import type { Activation, BlockedWriter } from './writer.ts';

/** Memory layouts of a node's inputs and outputs; undefined stands for the canonical one. */
export interface Plan {
  readonly inputs: readonly (Layout | undefined)[];
  readonly outputs: readonly (Layout | undefined)[];
}

/** What is known about the neighbours while layouts are being assigned. */
export interface LayoutView {
  readonly block: number;
  /** The layout in which a value is computed, where that is decided and not canonical. */
  layoutOf(value: Value): Layout | undefined;
  /** The layout in which some user of the value wants it. */
  wished(value: Value): Layout | undefined;
  /** True where the gradient of a max-pooling counts only where its map is positive. */
  positive(node: Node): boolean;
}

/** Work of neighbouring nodes that is done in the same pass over memory. */
export interface Fused {
  /** A blocked map that is added to the result. */
  readonly sum?: string;
  /** Applied last. */
  readonly activation?: Activation;
  /** Strided input gradients that are added to this one, phase by phase. */
  readonly also?: readonly { readonly node: Node; readonly inputs: readonly string[] }[];
  /** The gradient falls on a map that is never negative, and vanishes where the map is zero. */
  readonly positive?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: rules of ops with different attributes share a table
export interface BlockedRule<A = any> {
  /** Layouts under which the node runs in blocks, or undefined when its shapes do not fit. */
  plan(node: Node<A>, view: LayoutView): Plan | undefined;
  /** Inputs come in the planned layouts, declared with their padded shapes; so do the outputs. */
  write(
    w: BlockedWriter,
    node: Node<A>,
    inputs: readonly string[],
    plan: Plan,
    fused: Fused,
  ): string[];
  /** Works number by number, whatever the layout, and on whatever stands in the padded lanes. */
  readonly elementwise?: boolean;
  /** True where the first output can take a sum and an activation along. */
  fuses?(node: Node<A>): boolean;
}
