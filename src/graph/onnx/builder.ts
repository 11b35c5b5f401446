// Collects ONNX nodes, constants, inputs and outputs, and writes them as bytes. Names and order
// follow from the sequence of calls, so equal graphs give equal bytes.

import { create, toBinary } from '@bufbuild/protobuf';
import { type Shape, showShape } from '../../core/shape.ts';
import { float32, type HostTensor, int64 } from '../../core/tensor.ts';
import { graphError, type ParameterAttrs, type TensorType } from '../tensor-type.ts';
import { type ForeignGraph, partFor } from './foreign.ts';
import {
  type FunctionProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx_pb.ts';
import { ownWeights } from './own-weights.ts';
import {
  type AttributeValue,
  attributeProto,
  type OutputType,
  tensorProto,
  valueInfo,
} from './protos.ts';
import { renameNode } from './rename.ts';

/** The operator set that everything is written in, where no foreign graph brings another one. */
export const OPSET = 17;
/** The file format's version that goes with it. */
const IR_VERSION = 8;
/** Operators of ours that came after the oldest set that a foreign graph may bring. */
const SINCE: Readonly<Record<string, number>> = { ScatterElements: 16, LayerNormalization: 17 };

export interface BuilderOptions {
  /** Numbers of the parameters that become constants, by path. */
  readonly constants?: (path: string) => HostTensor | undefined;
  /**
   * Leave the leading axis of inputs and outputs free under this name. Reshapes then copy their
   * leading axis from their input wherever the two agree.
   */
  readonly freeBatch?: string;
  /** Gives nodes that use a weight differently a tensor of their own (`ownWeights`). */
  readonly ownWeights?: boolean;
  /** Key-value pairs stored in the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Version of the standard operators, 13 or more. Default: `OPSET`. */
  readonly opset?: number;
}

export class OnnxBuilder {
  readonly options: BuilderOptions;
  /** Version of the standard operators. */
  readonly opset: number;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #inputs = new Map<string, ValueInfoProto>();
  readonly #outputs: ValueInfoProto[] = [];
  readonly #constantNames = new Map<string, string>();
  readonly #domains: Map<string, number>;
  readonly #functions = new Set<FunctionProto>();
  /** Foreign graphs in the order in which they came. */
  readonly #foreign: ForeignGraph[] = [];
  /** Nodes by what they compute: the same work is written once. */
  readonly #written = new Map<string, string[]>();
  /** Values that carry the name of a graph output. */
  readonly #renamed = new Map<string, string>();
  #count = 0;
  #irVersion = IR_VERSION;

  constructor(options: BuilderOptions = {}) {
    this.options = options;
    this.opset = options.opset ?? OPSET;
    this.#domains = new Map([['', this.opset]]);
  }

  /** Declares a graph input and returns its name. Declaring it again changes nothing. */
  graphInput(name: string, type: TensorType): string {
    checkName('input', name);
    if (!this.#inputs.has(name)) this.#inputs.set(name, this.#valueInfo(name, type));
    return name;
  }

  /** A parameter: an initializer when its numbers are constant, else an input. */
  parameter({ path, type }: ParameterAttrs): string {
    checkName('parameter', path);
    const tensor = this.options.constants?.(path);
    if (tensor === undefined) {
      const info = valueInfo(path, type);
      if (!this.#inputs.has(path)) this.#inputs.set(path, info);
    } else if (!this.#initializers.has(path)) {
      this.#initializers.set(path, tensorProto(path, tensor));
    }
    return path;
  }

  /** Adds a constant; equal constants share one name. */
  constant(tensor: HostTensor): string {
    const key = constantKey(tensor);
    const known = key === undefined ? undefined : this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = `c${this.#initializers.size}`;
    this.#initializers.set(name, tensorProto(name, tensor));
    if (key !== undefined) this.#constantNames.set(key, name);
    return name;
  }

  /** Adds a constant under a name of the caller's choice. */
  namedConstant(name: string, tensor: HostTensor): string {
    checkName('constant', name);
    if (!this.#initializers.has(name)) this.#initializers.set(name, tensorProto(name, tensor));
    return name;
  }

  scalar(value: number): string {
    return this.constant(float32([], [value]));
  }

  ints(values: readonly number[]): string {
    return this.constant(int64([values.length], values));
  }

  /** Adds a node with one output. An empty input name leaves an optional input out. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string {
    return this.ops(type, inputs, 1, attributes, domain)[0];
  }

  /** Adds a node with several outputs. */
  ops(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string[] {
    const key = JSON.stringify([type, inputs, outputs, attributes, domain]);
    const written = this.#written.get(key);
    if (written !== undefined) return written;
    if (domain === '' && (SINCE[type] ?? 0) > this.opset) {
      throw graphError(type, `operator set ${SINCE[type]} or later`, String(this.opset));
    }
    if (domain !== '' && !this.#domains.has(domain)) this.#domains.set(domain, 1);
    const name = `n${this.#count++}`;
    const output = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}_${i}`));
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.#nodes.push(
      create(NodeProtoSchema, {
        name,
        opType: type,
        input: [...inputs],
        output,
        domain,
        attribute,
      }),
    );
    this.#written.set(key, output);
    return output;
  }

  /** A reduction such as ReduceMax over some axes, which became an input with operator set 18. */
  reduce(type: string, x: string, axes: readonly number[], keep: boolean): string {
    const keepdims = keep ? 1 : 0;
    const asInput = this.opset >= (type === 'ReduceSum' ? 13 : 18);
    if (asInput) return this.op(type, [x, this.ints(axes)], { keepdims });
    return this.op(type, [x], { axes, keepdims });
  }

  /**
   * Writes what the named outputs of a foreign graph need, and returns their names here. `inputs`
   * says which values of ours are fed, by the names of the foreign graph's inputs. All names of the
   * foreign graph get a prefix, so they meet none of ours.
   */
  embed(
    graph: ForeignGraph,
    inputs: Readonly<Record<string, string>>,
    outputs: readonly string[],
  ): string[] {
    const key = this.#foreignKey(graph);
    const written = JSON.stringify([key, inputs, outputs]);
    const known = this.#written.get(written);
    if (known !== undefined) return known;
    const part = partFor(graph, outputs);
    const weights = `trunk${key}/`;
    const values = `trunk${key}.${this.#count++}/`;
    // one function of names for all levels: whatever a body of If or Loop captures stays captured
    const rename = (name: string) => {
      if (name === '') return '';
      if (Object.hasOwn(inputs, name)) return inputs[name];
      return `${graph.initializers.has(name) ? weights : values}${name}`;
    };
    for (const node of part.nodes) this.#nodes.push(renameNode(node, rename, values));
    for (const tensor of part.initializers) {
      const name = rename(tensor.name);
      if (!this.#initializers.has(name)) this.#initializers.set(name, { ...tensor, name });
    }
    const names = outputs.map(rename);
    this.#written.set(written, names);
    return names;
  }

  /** The number of a foreign graph, whose domains and functions become part of the model. */
  #foreignKey(graph: ForeignGraph): number {
    const known = this.#foreign.indexOf(graph);
    if (known >= 0) return known;
    if (graph.opset !== this.opset) {
      throw graphError('embed', `operator set ${this.opset}`, `operator set ${graph.opset}`);
    }
    for (const [domain, version] of graph.domains) this.#domains.set(domain, version);
    for (const body of graph.functions) this.#functions.add(body);
    this.#irVersion = Math.max(this.#irVersion, graph.irVersion);
    return this.#foreign.push(graph) - 1;
  }

  /** Reshape from a known shape; the free batch axis, where there is one, is kept free. */
  reshape(x: string, from: Shape, to: Shape): string {
    const keep =
      this.options.freeBatch !== undefined && from.length > 0 && to.length > 0 && from[0] === to[0];
    return this.op('Reshape', [x, this.ints(keep ? [0, ...to.slice(1)] : to)]);
  }

  /** Makes a value an output of the graph under a name of the caller's choice. */
  graphOutput(name: string, value: string, type: OutputType): void {
    checkName('output', name);
    if (this.#inputs.has(name) || this.#initializers.has(name)) {
      throw graphError(`output '${name}'`, 'a name of its own', 'that of an input or parameter');
    }
    const computed = !this.#inputs.has(value) && !this.#initializers.has(value);
    // the node writes the output itself: an Identity in between would be a copy
    if (computed && !this.#renamed.has(value)) this.#renamed.set(value, name);
    else {
      this.#nodes.push(
        create(NodeProtoSchema, {
          name: `out:${name}`,
          opType: 'Identity',
          input: [value],
          output: [name],
        }),
      );
    }
    this.#outputs.push(this.#valueInfo(name, type));
  }

  /** The whole model as bytes. */
  bytes(): Uint8Array {
    const { metadata = {} } = this.options;
    const rename = (name: string) => this.#renamed.get(name) ?? name;
    const named = this.#nodes.map((proto) => renameNode(proto, rename));
    const constants = [...this.#initializers.values()];
    const { nodes, initializers } = this.options.ownWeights
      ? ownWeights(named, constants)
      : { nodes: named, initializers: constants };
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(this.#irVersion),
      producerName: 'fieldmark',
      opsetImport: [...this.#domains].map(([domain, version]) => ({
        domain,
        version: BigInt(version),
      })),
      graph: create(GraphProtoSchema, {
        name: 'fieldmark',
        node: nodes,
        initializer: initializers,
        input: [...this.#inputs.values()],
        output: this.#outputs,
      }),
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      functions: [...this.#functions],
    });
    return toBinary(ModelProtoSchema, model);
  }

  #valueInfo(name: string, type: OutputType): ValueInfoProto {
    return valueInfo(name, type, this.options.freeBatch);
  }
}

/** Small constants are shared by value; large ones are cheaper to store twice than to compare. */
function constantKey(tensor: HostTensor): string | undefined {
  if (tensor.data.length > 64) return undefined;
  return `${tensor.dtype}${showShape(tensor.shape)}${Array.from(tensor.data as ArrayLike<number | bigint>, (v) => (Object.is(v, -0) ? '-0' : String(v))).join()}`;
}

/** Values and constants within the graph are called n0, n1, ... and c0, c1, ... */
function checkName(kind: string, name: string): void {
  if (/^[nc]\d+$/.test(name)) {
    throw graphError(`${kind} '${name}'`, 'a name other than n or c with a number', `'${name}'`);
  }
}
