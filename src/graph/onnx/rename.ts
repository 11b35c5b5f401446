// Other names for the values of a node, in the bodies of If, Loop and Scan as well.

import type { AttributeProto, GraphProto, NodeProto } from './generated/onnx_pb.ts';

/** Every name that a node or the bodies within it read or write. */
export function* namesIn(node: NodeProto): Generator<string> {
  yield* node.input;
  yield* node.output;
  for (const body of bodiesOf(node)) {
    for (const inner of body.node) yield* namesIn(inner);
    for (const { name } of [...body.input, ...body.output, ...body.initializer]) yield name;
  }
}

/** The graphs that a node holds. */
export function bodiesOf({ attribute }: NodeProto): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}

/**
 * The node with other names for its values; `label` goes before the names of nodes. `rename` must
 * give different names for different names, and '' for '', an input that is left out.
 */
export function renameNode(
  node: NodeProto,
  rename: (name: string) => string,
  label = '',
): NodeProto {
  const holds = bodiesOf(node).length > 0;
  return {
    ...node,
    name: node.name === '' ? '' : label + node.name,
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: holds ? node.attribute.map((a) => renameBodies(a, rename, label)) : node.attribute,
  };
}

function renameBodies(
  attribute: AttributeProto,
  rename: (name: string) => string,
  label: string,
): AttributeProto {
  const inBody = (body: GraphProto) => renameBody(body, rename, label);
  return {
    ...attribute,
    g: attribute.g && inBody(attribute.g),
    graphs: attribute.graphs.map(inBody),
  };
}

function renameBody(body: GraphProto, rename: (name: string) => string, label: string): GraphProto {
  const named = <T extends { name: string }>(items: readonly T[]): T[] =>
    items.map((item) => ({ ...item, name: rename(item.name) }));
  return {
    ...body,
    node: body.node.map((node) => renameNode(node, rename, label)),
    initializer: named(body.initializer),
    input: named(body.input),
    output: named(body.output),
    valueInfo: named(body.valueInfo),
  };
}
