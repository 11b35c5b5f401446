// The input of a foreign graph that takes the image: where its channels are, its type and size.

import { fail } from '../core/errors.ts';
import type { ForeignGraph } from '../graph/onnx/foreign.ts';
import type { ValueInfoProto } from '../graph/onnx/generated/onnx_pb.ts';

/** An input for square images of three channels. */
export interface TrunkInput {
  readonly name: string;
  readonly layout: 'nchw' | 'nhwc';
  /** ONNX's number of its element type. */
  readonly type: number;
  /** Side of the image; undefined where the graph leaves it free. */
  readonly size: number | undefined;
}

/** ONNX's numbers of the element types that an image may have. */
export const UINT8 = 2;
const types: Readonly<Record<number, string>> = { 1: 'float32', [UINT8]: 'uint8', 10: 'float16' };

/** The inputs that may be images. `layout` decides where the graph leaves it open. */
export function imageInputs(
  { inputs }: ForeignGraph,
  layout: 'nchw' | 'nhwc' | undefined,
): TrunkInput[] {
  return inputs.flatMap((info) => {
    const input = readInput(info, layout);
    return input === undefined ? [] : [input];
  });
}

function readInput(
  { name, type }: ValueInfoProto,
  wished: 'nchw' | 'nhwc' | undefined,
): TrunkInput | undefined {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (tensor === undefined || types[tensor.elemType] === undefined) return undefined;
  const dims = (tensor.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : undefined,
  );
  if (dims.length !== 4) return undefined;
  const layout = layoutOf(dims, wished ?? (tensor.elemType === UINT8 ? 'nhwc' : 'nchw'), wished);
  if (layout === undefined) return undefined;
  const [height, width] = layout === 'nchw' ? [dims[2], dims[3]] : [dims[1], dims[2]];
  if (height !== undefined && width !== undefined && height !== width) return undefined;
  return { name, layout, type: tensor.elemType, size: height ?? width };
}

/** Where the axis of three channels is; `fallback` where both or none could be it. */
function layoutOf(
  dims: readonly (number | undefined)[],
  fallback: 'nchw' | 'nhwc',
  wished: 'nchw' | 'nhwc' | undefined,
): 'nchw' | 'nhwc' | undefined {
  const may = (axis: number) => dims[axis] === undefined || dims[axis] === 3;
  if (wished !== undefined) return may(wished === 'nchw' ? 1 : 3) ? wished : undefined;
  if (dims[1] === 3 && dims[3] !== 3) return 'nchw';
  if (dims[3] === 3 && dims[1] !== 3) return 'nhwc';
  return may(1) && may(3) ? fallback : undefined;
}

/** The error for a graph without an input for images, or with inputs besides it. */
export function noImage(path: string, graph: ForeignGraph, names?: readonly string[]) {
  const shown = graph.inputs.filter(({ name }) => names === undefined || names.includes(name));
  return fail('FM_TRUNK', path, {
    expected: 'one input, a batch of square RGB images (float32, float16 or uint8)',
    got: shown.length === 0 ? 'none' : shown.map(show).join(' and '),
    next:
      graph.inputs.length > 1
        ? 'Name a tensor that depends on the image alone with --feature.'
        : 'Export the part that takes images; --set trunk.layout=nhwc where channels come last.',
  });
}

function show({ name, type }: ValueInfoProto): string {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dims = tensor?.shape?.dim.map(({ value }) => String(value.value ?? '?')) ?? ['?'];
  const dtype = types[tensor?.elemType ?? 0] ?? 'other numbers';
  return `'${name}' (${dtype} [${dims.join(', ')}])`;
}
