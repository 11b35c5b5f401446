// Weights that two nodes use differently, each with a tensor of its own. Tools that quantise by
// channel keep one axis for a tensor: a weight that the network multiplies by and the gradient of its
// evidence multiplies by transposed has two, and they fail.

import { create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema, type TensorProto } from './generated/onnx_pb.ts';

/** Operators whose second input counts as weights. */
const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * Largest share of all constants that is copied. Larger ones get a name of their own only, through an
 * Identity, which costs no bytes and which optimisers take away again.
 */
const SHARE = 1 / 8;

export interface OwnedWeights {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
}

/** The first use keeps the tensor; later ones that use it otherwise get one that is called by their node. */
export function ownWeights(
  nodes: readonly NodeProto[],
  initializers: readonly TensorProto[],
): OwnedWeights {
  const tensors = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const total = initializers.reduce((sum, { rawData }) => sum + rawData.length, 0);
  const first = new Map<string, string>();
  const copies: TensorProto[] = [];
  const written = nodes.flatMap((node) => {
    const weight = tensors.get(node.input[1] ?? '');
    if (weight === undefined || !WEIGHTED.has(node.opType)) return [node];
    const use = useOf(node);
    const known = first.get(weight.name) ?? use;
    first.set(weight.name, known);
    if (known === use) return [node];
    const name = `${weight.name}:${node.name}`;
    const owner = { ...node, input: node.input.with(1, name) };
    if (weight.rawData.length <= SHARE * total) {
      copies.push({ ...weight, name });
      return [owner];
    }
    const opType = 'Identity';
    const again = create(NodeProtoSchema, { name, opType, input: [weight.name], output: [name] });
    return [again, owner];
  });
  return { nodes: written, initializers: [...initializers, ...copies] };
}

/** What decides along which axis the channels of a node's weights lie. */
function useOf({ opType, attribute }: NodeProto): string {
  return `${opType}${attribute.find(({ name }) => name === 'transB')?.i ?? 0}`;
}
