// A frozen network that was written elsewhere as one op: from an image to some of its tensors. Its
// nodes become part of the ONNX file; no gradient flows through them.

import type { Shape } from '../../core/shape.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import type { ForeignGraph } from '../onnx/foreign.ts';
import { graphError, showType } from '../tensor-type.ts';
import { applyMany, type Op, topologicalOrder, type Value } from '../value.ts';

/** A tensor of a foreign graph. */
export interface ForeignTensor {
  readonly name: string;
  /** For one image, without the leading axis. */
  readonly shape: Shape;
}

/** The input of a foreign graph that takes the image. */
export interface ForeignInput {
  readonly name: string;
  readonly layout: 'nchw' | 'nhwc';
  /** ONNX's number of its element type. */
  readonly type: number;
}

/** A foreign graph as a function of an image. */
export interface Embedding {
  readonly graph: ForeignGraph;
  readonly input: ForeignInput;
  /** Side of the square image, in pixels, that the shapes of the outputs belong to. */
  readonly size: number;
  readonly outputs: readonly ForeignTensor[];
  /** The graph takes one image at a time. */
  readonly single: boolean;
}

/** ONNX's number of float32. */
export const FLOAT32 = 1;

export const embedOp: Op<Embedding> = {
  name: 'embed',
  vjp: 'opaque',
  infer: ([x], { size, outputs, single }) => {
    const [n, c, h, w] = x.shape;
    const fits = x.dtype === 'float32' && c === 3 && h === size && w === size;
    if (x.shape.length !== 4 || !fits || (single && n !== 1)) {
      const batch = single ? 1 : 'N';
      throw graphError('embed', `float32 [${batch}, 3, ${size}, ${size}]`, showType(x));
    }
    return outputs.map(({ shape }) => ({ shape: [n, ...shape], dtype: 'float32' }));
  },
  opset: ({ graph }) => graph.opset,
  portable: (b, { attrs: { graph, input, outputs } }, [x]) => {
    const names = outputs.map(({ name }) => name);
    return writeForeign(b, graph, input, names, x);
  },
  reference: (_, { input }) => {
    throw graphError('reference', 'an op of ours', `a foreign graph of '${input.name}'`);
  },
};

/** Writes what the named tensors need behind `x`, float32 [N, 3, H, W]; the tensors in float32. */
export function writeForeign(
  b: OnnxBuilder,
  graph: ForeignGraph,
  input: ForeignInput,
  names: readonly string[],
  x: string,
): string[] {
  const laid = input.layout === 'nchw' ? x : b.op('Transpose', [x], { perm: [0, 2, 3, 1] });
  const image = input.type === FLOAT32 ? laid : b.op('Cast', [laid], { to: input.type });
  return b
    .embed(graph, { [input.name]: image }, names)
    .map((value, i) =>
      isFloat32(graph, names[i]) ? value : b.op('Cast', [value], { to: FLOAT32 }),
    );
}

/** Whether the graph says so; where it says nothing, a cast costs nothing. */
function isFloat32({ types }: ForeignGraph, name: string): boolean {
  const type = types.get(name)?.type?.value;
  return type?.case === 'tensorType' && type.value.elemType === FLOAT32;
}

/** The outputs of a foreign graph for images [N, 3, size, size], each [N, ...], float32. */
export function embed(image: Value, embedding: Embedding): readonly Value[] {
  return applyMany(embedOp, [image], embedding);
}

/** False where a foreign graph within takes one image at a time only. */
export function takesAnyBatch(outputs: readonly Value[]): boolean {
  return topologicalOrder(outputs).every(
    ({ op, attrs }) => op.name !== embedOp.name || !(attrs as Embedding).single,
  );
}
