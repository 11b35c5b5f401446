// The initialisers of an ONNX file as a tensor file, under the names that PyTorch's networks have.

import { fail } from '../core/errors.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { Safetensors } from '../formats/safetensors.ts';
import type { NodeProto } from '../graph/onnx/generated/onnx_pb.ts';
import { readTensor } from '../graph/onnx/tensor.ts';
import { readOnnxFile } from './onnx-file.ts';

/** True for a file that starts as an ONNX model does: a small version, then another field. */
export function looksLikeOnnx(path: string, start: Uint8Array): boolean {
  const [tag, version, next] = start;
  const fields = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42];
  const begins = tag === 0x08 && version > 0 && version < 32 && fields.includes(next);
  return path.endsWith('.onnx') || begins;
}

/**
 * Reads the initialisers, and the metadata of the model. Exporters rename: a tensor that an
 * Identity copies has the copy's name too, and weights and biases without a name of their layer
 * take it from the node (`/layer1/layer1.0/conv1/Conv`).
 */
export async function readOnnxTensors(
  path: string,
): Promise<Omit<Safetensors, 'unread'> & { readonly hash: string }> {
  const { model, hash } = await readOnnxFile(path);
  const tensors = new Map<string, HostTensor>();
  for (const proto of model.graph.initializer) {
    const tensor = readTensor(proto, path);
    if (tensor !== undefined) tensors.set(proto.name, tensor);
  }
  for (const { opType, input, output } of model.graph.node) {
    const same = opType === 'Identity' ? tensors.get(input[0]) : undefined;
    if (same !== undefined) tensors.set(output[0], same);
  }
  nameLayers(model.graph.node, tensors);
  if (tensors.size === 0) {
    throw fail('FM_WEIGHTS', path, {
      expected: 'initialisers with numbers',
      got: 'none',
      next: 'Export the model with its parameters (export_params=True).',
    });
  }
  const metadata = model.metadataProps.map(({ key, value }) => [key, value] as const);
  return { tensors, metadata: Object.fromEntries(metadata), hash };
}

/** Names for weights that have none, and for the biases that stand for folded norms. */
function nameLayers(nodes: readonly NodeProto[], tensors: Map<string, HostTensor>): void {
  const folded = ![...tensors.keys()].some((name) => name.endsWith('.running_mean'));
  const renamed = new Set<string>();
  const give = (name: string, better: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined || tensors.has(better)) return;
    tensors.set(better, tensor);
    renamed.add(name); // several layers may share it
  };
  for (const { opType, name, input } of nodes) {
    const [, weight, bias] = input;
    if (opType !== 'Conv' || !tensors.has(weight)) continue;
    const named = weight.endsWith('.weight');
    const layer = named ? weight.slice(0, -'.weight'.length) : layerOf(name);
    if (layer === undefined) continue;
    if (!named) give(weight, `${layer}.weight`);
    if (bias && folded && !bias.endsWith('.bias')) give(bias, `${layer}.bias`);
  }
  for (const name of renamed) tensors.delete(name);
}

/** `/layer1/layer1.0/conv1/Conv`, as TorchScript's exporter names nodes, is of `layer1.0.conv1`. */
function layerOf(node: string): string | undefined {
  const scopes = node.split('/').slice(1, -1);
  return scopes.length === 0 ? undefined : scopes.reduce(joined);
}

/** `layer1` and `layer1.0` are `layer1.0`; `layer1.0` and `conv1` are `layer1.0.conv1`. */
function joined(path: string, scope: string): string {
  const parent = scope.slice(0, Math.max(0, scope.lastIndexOf('.')));
  const repeated = parent !== '' && (path === parent || path.endsWith(`.${parent}`));
  return repeated ? path + scope.slice(parent.length) : `${path}.${scope}`;
}
