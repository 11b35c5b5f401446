// Where the cells of a feature map lie in the image: not on an even grid over it, because padding
// and strides shift them (by half a cell of the last map, up and left or down and right).

import { float32 } from '../core/tensor.ts';
import { constant } from '../graph/ops/leaf.ts';
import { matmul } from '../graph/ops/matmul.ts';
import { type Region, sliceOp } from '../graph/ops/slice.ts';
import type { ConvAttrs, PoolAttrs } from '../graph/ops/window.ts';
import { graphError } from '../graph/tensor-type.ts';
import type { Value } from '../graph/value.ts';

/** Cells along one axis, in pixels of the image: cell i is centred at `origin + i * stride`. */
export interface CellAxis {
  readonly origin: number;
  readonly stride: number;
}

/** Rows and columns of a map. Pixel p covers p to p + 1, so its centre is at p + 0.5. */
export type CellGrid = readonly [rows: CellAxis, columns: CellAxis];

/**
 * Ops behind which nothing is followed any further: the image itself, or what a foreign network made
 * of it. Their cells are taken for an even grid over the image, which pixels are.
 */
const ENDS = new Set(['input', 'reshape', 'transpose', 'cast', 'embed']);

/**
 * The centres of the receptive fields of a map's cells in an image of `size` pixels a side. Follows
 * the map [N, C, h, w] back through convolutions, poolings and cuts to the image, along one branch:
 * all branches of a network agree where they meet.
 */
export function cellGrid(map: Value, size: number): CellGrid {
  const windows: Pick<ConvAttrs, 'strides' | 'pads' | 'dilations'>[] = [];
  const reaches: [number, number][] = [];
  let value = map;
  while (!ENDS.has(value.node.op.name)) {
    const { op, attrs, inputs } = value.node;
    const kernel = kernelOf(op.name, attrs, inputs);
    if (kernel !== undefined) {
      const window = op.name === sliceOp.name ? windowOf(attrs as Region) : (attrs as ConvAttrs);
      windows.push(window);
      reaches.push([0, 1].map((axis) => window.dilations[axis] * (kernel[axis] - 1)) as never);
    }
    value = kernel === undefined ? alike(value) : inputs[0];
  }
  const axis = (at: 0 | 1): CellAxis => {
    let stride = size / value.shape[at + 2];
    let origin = stride / 2;
    for (let i = windows.length - 1; i >= 0; i--) {
      origin += stride * (reaches[i][at] / 2 - windows[i].pads[at]);
      stride *= windows[i].strides[at];
    }
    return { origin, stride };
  };
  return [axis(0), axis(1)];
}

function kernelOf(op: string, attrs: unknown, inputs: readonly Value[]) {
  if (op === 'conv2d') return inputs[1].shape.slice(2);
  if (op === sliceOp.name) return [1, 1];
  return op === 'maxPool' || op === 'avgPool' ? (attrs as PoolAttrs).kernel : undefined;
}

/** A cut as a window of one cell, whose padding is negative where rows or columns are left out. */
function windowOf({ starts, steps }: Region): Pick<ConvAttrs, 'strides' | 'pads' | 'dilations'> {
  const [, , top, left] = starts;
  return { strides: [steps[2], steps[3]], pads: [-top, -left, 0, 0], dilations: [1, 1] };
}

/** The input of an elementwise op that has the cells of its output. */
function alike(value: Value): Value {
  const cells = value.shape.slice(2).join('x');
  const found = value.node.inputs.find(
    ({ shape }) => shape.length === 4 && shape.slice(2).join('x') === cells,
  );
  if (found !== undefined) return found;
  throw graphError('cellGrid', 'a map of convolutions and poolings', `'${value.node.op.name}'`);
}

/**
 * The map on an even grid of `cells` x `cells` over the image of `size` x `size` pixels: bilinear
 * between the centres of the receptive fields, its border repeated. x [N, C, h, w].
 */
export function alignToImage(x: Value, grid: CellGrid, size: number, cells: number): Value {
  const [rows, columns] = grid.map((axis, i) => {
    const weights = alignmentWeights(x.shape[i + 2], axis, size, cells);
    return constant(float32([cells, x.shape[i + 2]], weights));
  });
  return matmul(rows, matmul(x, columns, false, true));
}

/**
 * What the cells of the mirror image's map add to something, [N, h, w], given to those cells of the
 * upright image's map that lie there; `grid` is the one of either map. The sum stays as it is.
 */
export function turnBack(cells: Value, [, { origin, stride }]: CellGrid, size: number): Value {
  const width = cells.shape[2];
  const positions = Array.from(
    { length: width },
    (_, j) => (size - (origin + j * stride) - origin) / stride,
  );
  return matmul(cells, constant(float32([width, width], interpolation(positions, width))));
}

/** [cells, from]: how much of each cell of the map goes into each cell of the even grid. */
function alignmentWeights(
  from: number,
  { origin, stride }: CellAxis,
  size: number,
  cells: number,
): Float32Array {
  const pixels = Array.from({ length: cells }, (_, i) => ((i + 0.5) * size) / cells);
  return interpolation(
    pixels.map((pixel) => (pixel - origin) / stride),
    from,
  );
}

/** Linear weights of `from` cells at positions between them, a row for each; beyond the border its own. */
function interpolation(positions: readonly number[], from: number): Float32Array {
  const weights = new Float32Array(positions.length * from);
  positions.forEach((position, i) => {
    const at = Math.min(Math.max(position, 0), from - 1);
    const low = Math.floor(at);
    weights[i * from + low] = low + 1 - at;
    if (at > low) weights[i * from + low + 1] = at - low;
  });
  return weights;
}
