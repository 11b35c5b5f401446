// A graph that was written elsewhere, to become part of one of ours: what it is made of, and what
// some of its tensors need. Nothing here knows what the graph is for.

import { fail } from '../../core/errors.ts';
import type {
  FunctionProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from './generated/onnx_pb.ts';
import { namesIn } from './rename.ts';

/** The parts of a foreign model that matter, by name. */
export interface ForeignGraph {
  /** Version of the standard operators. */
  readonly opset: number;
  readonly irVersion: number;
  /** Versions of the other operators in use, by domain. */
  readonly domains: ReadonlyMap<string, number>;
  readonly functions: readonly FunctionProto[];
  readonly nodes: readonly NodeProto[];
  /** The node that writes each value. */
  readonly producers: ReadonlyMap<string, NodeProto>;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** What has to be fed. */
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** Declared types of inner values. */
  readonly types: ReadonlyMap<string, ValueInfoProto>;
}

/** What stands behind some tensors of a foreign graph, in the graph's order. */
export interface ForeignPart {
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  /** Names of the inputs that the tensors depend on. */
  readonly inputs: readonly string[];
}

/** The first operator set whose meaning is that of ours, but for reductions. */
const OLDEST = 13;

/** Looks through a model. FM_TRUNK for what cannot be made part of a graph of ours. */
export function foreignGraph(model: ModelProto, where: string): ForeignGraph {
  const graph = model.graph!;
  const versions = new Map(
    model.opsetImport.map(({ domain, version }) => [standard(domain), Number(version)]),
  );
  const opset = versions.get('') ?? 0;
  if (opset < OLDEST) {
    throw fail('FM_TRUNK', where, {
      expected: `operator set ${OLDEST} or later`,
      got: opset === 0 ? 'none' : `operator set ${opset}`,
      next: `Export it again with opset_version=17, or convert it with onnx.version_converter.`,
    });
  }
  if (graph.sparseInitializer.length > 0) {
    throw fail('FM_TRUNK', where, {
      expected: 'dense initialisers',
      got: 'sparse ones',
      next: 'Export it again without sparse tensors.',
    });
  }
  versions.delete('');
  const initializers = byName(graph.initializer);
  return {
    opset,
    irVersion: Number(model.irVersion),
    domains: versions,
    functions: model.functions,
    nodes: graph.node,
    producers: new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node]))),
    initializers,
    // files of the first versions list their initialisers as inputs too
    inputs: graph.input.filter(({ name }) => !initializers.has(name)),
    outputs: graph.output,
    types: byName([...graph.valueInfo, ...graph.output, ...graph.input]),
  };
}

/** The standard operators have two names. */
function standard(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function byName<T extends { name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

/** Everything that the named tensors need, and nothing else. */
export function partFor(graph: ForeignGraph, names: readonly string[]): ForeignPart {
  const nodes = new Set<NodeProto>();
  const seen = new Set(['']); // an input or output that is left out
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const node = graph.producers.get(name);
    if (node === undefined || nodes.has(node)) continue;
    nodes.add(node);
    waiting.push(...namesIn(node)); // with what its bodies capture
  }
  return {
    nodes: graph.nodes.filter((node) => nodes.has(node)),
    initializers: [...graph.initializers.values()].filter(({ name }) => seen.has(name)),
    inputs: graph.inputs.flatMap(({ name }) => (seen.has(name) ? [name] : [])),
  };
}
