// Which tensors of a foreign graph are the features and may be the map, judged by its nodes.

import { fail } from '../core/errors.ts';
import { type ForeignGraph, partFor } from '../graph/onnx/foreign.ts';
import type { NodeProto } from '../graph/onnx/generated/onnx_pb.ts';
import { imageInputs, noImage, type TrunkInput } from './trunk-input.ts';
import type { TrunkOptions } from './trunk-options.ts';

/** Names of tensors. What they are shows when the graph runs. */
export interface TrunkTensors {
  readonly input: TrunkInput;
  readonly feature: string;
  /** Those that may be the map, the likeliest first. */
  readonly maps: readonly string[];
  /** The features before a last linear layer, where `feature` is behind it and was not named. */
  readonly beforeLinear?: string;
}

/** Nodes on the way back from the features to the map, no more. */
const LONGEST_WAY = 40;

/** Finds the tensors that were named, or those that a network usually has. */
export function chooseTensors(
  graph: ForeignGraph,
  options: TrunkOptions,
  path: string,
): TrunkTensors {
  const images = imageInputs(graph, options.layout);
  for (const name of [options.feature, options.map]) mustExist(graph, name, path);
  const wanted =
    options.feature === undefined ? graph.outputs.map(({ name }) => name) : [options.feature];
  const inputOf = (name: string) => {
    const needed = partFor(graph, options.map === undefined ? [name] : [name, options.map]).inputs;
    return needed.length === 1 ? images.find((image) => image.name === needed[0]) : undefined;
  };
  const ours = ownExport(graph);
  const names = options.feature === undefined && ours !== undefined ? [ours.feature] : wanted;
  const feature = names.find((name) => graph.producers.has(name) && inputOf(name) !== undefined);
  if (feature === undefined) throw noImage(path, graph, partFor(graph, wanted.slice(0, 1)).inputs);
  const way = wayBack(graph, feature, inputOf(feature)!.name);
  const known = options.map ?? (ours?.feature === feature ? ours.map : undefined);
  return {
    input: inputOf(feature)!,
    feature,
    maps: known === undefined ? way : [known],
    beforeLinear: options.feature === undefined ? lastLinear(graph, feature, way) : undefined,
  };
}

/** A recogniser that fieldmark exported: its embedding, and the map that `activation` sums. */
function ownExport(graph: ForeignGraph): { feature: string; map?: string } | undefined {
  const outputs = graph.outputs.map(({ name }) => name);
  const wanted = ['logits', 'probabilities', 'embedding', 'activation', 'heat'];
  if (!wanted.every((name) => outputs.includes(name))) return undefined;
  let node = graph.producers.get('activation');
  while (node?.opType === 'Reshape') node = graph.producers.get(node.input[0]);
  return { feature: 'embedding', map: node?.opType === 'ReduceSum' ? node.input[0] : undefined };
}

/** What only moves numbers, or picks some: the tensor is the first input. */
const MOVERS = new Set(
  'Flatten Reshape Squeeze Unsqueeze Transpose Gather Slice Identity Cast Dropout Expand'.split(
    ' ',
  ),
);

/** The tensors from which the features follow one after the other, the nearest first. */
function wayBack(graph: ForeignGraph, feature: string, image: string): string[] {
  const way: string[] = [];
  let name = feature;
  while (way.length < LONGEST_WAY) {
    const node = graph.producers.get(name);
    const before = node && sourceOf(graph, node, image);
    if (before === undefined || !graph.producers.has(before)) return way;
    way.push(before);
    name = before;
  }
  return way;
}

/** The one input of a node that depends on the image; undefined where several do. */
function sourceOf(graph: ForeignGraph, node: NodeProto, image: string): string | undefined {
  if (MOVERS.has(node.opType)) return node.input[0];
  const [first, ...others] = node.input.filter(
    (name) => name !== '' && partFor(graph, [name]).inputs.includes(image),
  );
  return others.length === 0 ? first : undefined;
}

/** What a last linear layer of constant weights is given. */
function lastLinear(
  graph: ForeignGraph,
  feature: string,
  way: readonly string[],
): string | undefined {
  const node = graph.producers.get(feature);
  if (node?.opType === 'Gemm' || node?.opType === 'MatMul') return way[0];
  const product = node?.opType === 'Add' ? graph.producers.get(way[0] ?? '') : undefined;
  return product?.opType === 'MatMul' ? way[1] : undefined;
}

function mustExist(graph: ForeignGraph, name: string | undefined, path: string): void {
  if (name === undefined || graph.producers.has(name)) return;
  const there = [...graph.producers.keys()].filter((one) => one !== '');
  const key = name.toLowerCase();
  const alike = there.filter((one) => one.toLowerCase().includes(key));
  const shown = [...new Set([...alike.slice(0, 4), ...there.slice(-6)])].map((one) => `'${one}'`);
  throw fail('FM_TRUNK', path, {
    expected: `the name of a tensor that the model computes, such as ${shown.join(', ')}`,
    got: `'${name}'`,
    next: `The model has ${there.length} of them; a viewer for ONNX files shows them all.`,
  });
}
