// How a tensor's numbers lie in memory when some of its axes are cut into blocks of lanes, as
// ONNX Runtime's blocked convolutions want them.
//
//   maps       [N, C, H, W]    axes [1]     [N][C/b][H][W][b]
//   kernels    [O, I, kh, kw]  axes [1, 0]  [O/b][I/b][kh][kw][b of I][b of O]
//   depthwise  [C, 1, kh, kw]  axes [0]     [C/b][1][kh][kw][b]   (also kernels on few channels)

import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts';
import { float32, type HostTensor } from '../../core/tensor.ts';

export interface Layout {
  /** The axes that are cut, in the order in which their lanes stand at the end. */
  readonly axes: readonly number[];
  /** Lanes of a block: 16 with AVX-512, 8 with AVX2. */
  readonly block: number;
}

export function mapLayout(block: number): Layout {
  return { axes: [1], block };
}

export function kernelLayout(block: number): Layout {
  return { axes: [1, 0], block };
}

/** Of depthwise kernels, and of kernels on fewer input channels than a block has lanes. */
export function outputLayout(block: number): Layout {
  return { axes: [0], block };
}

export function sameLayout(a: Layout | undefined, b: Layout | undefined): boolean {
  return a?.axes.join() === b?.axes.join() && a?.block === b?.block;
}

/** For use as a key. */
export function layoutKey(layout: Layout | undefined): string {
  return layout === undefined ? '' : layout.axes.join();
}

/** The shape with its cut axes filled up to whole blocks. It is how blocked tensors are declared. */
export function paddedShape(shape: Shape, { axes, block }: Layout): number[] {
  return shape.map((dim, axis) => (axes.includes(axis) ? Math.ceil(dim / block) * block : dim));
}

export function isPadded(shape: Shape, layout: Layout): boolean {
  return layout.axes.some((axis) => shape[axis] % layout.block !== 0);
}

/** The order of the numbers in memory as an ordinary row-major shape: blocks first, then lanes. */
export function physicalShape(shape: Shape, { axes, block }: Layout): number[] {
  const blocks = shape.map((dim, axis) => (axes.includes(axis) ? Math.ceil(dim / block) : dim));
  return [...blocks, ...axes.map(() => block)];
}

/** The padded shape with each cut axis as two, and the permutation from there to memory order. */
export function splitAxes(shape: Shape, { axes, block }: Layout) {
  const split: number[] = [];
  const outer: number[] = [];
  const lane = new Map<number, number>();
  shape.forEach((dim, axis) => {
    outer.push(split.length);
    if (axes.includes(axis)) {
      lane.set(axis, split.length + 1);
      split.push(Math.ceil(dim / block), block);
    } else split.push(dim);
  });
  return { split, perm: [...outer, ...axes.map((axis) => lane.get(axis)!)] };
}

/** True where the blocked tensor is the canonical one, number for number. */
export function isAlias(shape: Shape, layout: Layout): boolean {
  if (isPadded(shape, layout)) return false;
  const { split, perm } = splitAxes(shape, layout);
  const moving = perm.filter((axis) => split[axis] > 1);
  return moving.every((axis, i) => i === 0 || axis > moving[i - 1]);
}

/** The tensor in blocks; lanes beyond its shape are zero. */
export function pack(tensor: HostTensor, layout: Layout): HostTensor<'float32'> {
  const shape = paddedShape(tensor.shape, layout);
  const data = new Float32Array(sizeOf(shape));
  copyBlocks(tensor.shape, layout, (packed, plain, count, step) => {
    const from = tensor.data as Float32Array;
    for (let i = 0; i < count; i++) data[packed + i] = from[plain + i * step];
  });
  return float32(shape, data);
}

/** The tensor of the given shape that was packed. */
export function unpack(packed: HostTensor, shape: Shape, layout: Layout): HostTensor<'float32'> {
  const data = new Float32Array(sizeOf(shape));
  const from = packed.data as Float32Array;
  copyBlocks(shape, layout, (at, plain, count, step) => {
    for (let i = 0; i < count; i++) data[plain + i * step] = from[at + i];
  });
  return float32(shape, data);
}

/** Visits the runs of lanes: offset in blocks, offset in canonical order, length, canonical step. */
function copyBlocks(
  shape: Shape,
  layout: Layout,
  visit: (packed: number, plain: number, count: number, step: number) => void,
): void {
  const { axes, block } = layout;
  const physical = physicalShape(shape, layout);
  const strides = stridesOf(shape);
  const rank = shape.length;
  const outer = physical.slice(0, -1);
  const last = axes[axes.length - 1];
  const index = new Array<number>(outer.length).fill(0);
  const total = sizeOf(outer);
  for (let run = 0; run < total; run++) {
    let plain = 0;
    let inside = true;
    for (let axis = 0; axis < rank; axis++) {
      const lane = axes.indexOf(axis);
      const within = lane >= 0 && lane < axes.length - 1 ? index[rank + lane] : 0;
      const at = lane >= 0 ? index[axis] * block + within : index[axis];
      if (at >= shape[axis]) inside = false;
      plain += at * strides[axis];
    }
    if (inside) {
      const count = Math.min(block, shape[last] - index[last] * block);
      visit(run * block, plain, count, strides[last]);
    }
    for (let i = index.length - 1; i >= 0; i--) {
      if (++index[i] < outer[i]) break;
      index[i] = 0;
    }
  }
}
