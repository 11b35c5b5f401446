// The gradient of a convolution in its input, in blocks. With stride 1 it is a convolution with
// the flipped kernel. With larger strides the rows and columns of the result fall into phases
// (index modulo stride); each phase is a convolution with its own taps, and the phases are
// interleaved at the end.

import type { Shape } from '../../core/shape.ts';
import type { ConvAttrs } from '../ops/window.ts';
import type { Node } from '../value.ts';
import { convKind, convLayouts, cutMap } from './conv.ts';
import type { BlockedRule } from './rule.ts';
import type { BlockedWriter } from './writer.ts';

export type GradInputAttrs = ConvAttrs & { shape: Shape };

export const gradInputRule: BlockedRule<GradInputAttrs> = {
  plan: (node, { block }) => {
    const { groups, dilations, strides } = node.attrs;
    const kind = convKind(node.inputs[1].shape, groups);
    if (kind === undefined || kind === 'stem') return undefined;
    if (isUnit(strides)) {
      if (flippedPads(node).some((pad) => pad < 0)) return undefined;
    } else if (!isUnit(dilations)) return undefined;
    const { x, w, y } = convLayouts(kind, block);
    return { inputs: [y, w], outputs: [x] };
  },
  write: (w, node, inputs, _, fused) => {
    if (!isUnit(node.attrs.strides))
      return [strided(w, [{ node, inputs }, ...((fused.also ?? []) as Part[])])];
    const [dy, kernel] = inputs;
    const [, ws] = node.inputs.map((value) => value.shape);
    const taps = descending(ws[2] * ws[3], 1);
    return [
      w.convolve(dy, tapsOf(w, kernel, ws, node.attrs.groups, taps, [ws[2], ws[3]]), {
        ...fused,
        pads: flippedPads(node),
        dilations: node.attrs.dilations,
        groups: node.attrs.groups === 1 ? 1 : w.up(node.attrs.groups),
      }),
    ];
  },
  fuses: (node) => isUnit(node.attrs.strides),
};

export function isUnit(pair: readonly number[]): boolean {
  return pair[0] === 1 && pair[1] === 1;
}

/** Pads of the convolution with the flipped kernel, for stride 1. */
function flippedPads({ attrs, inputs: [dy, w] }: Node<GradInputAttrs>): number[] {
  const { pads, dilations, shape } = attrs;
  const reach = [0, 1].map((i) => dilations[i] * (w.shape[i + 2] - 1));
  const before = [0, 1].map((i) => reach[i] - pads[i]);
  const after = [0, 1].map((i) => shape[i + 2] - dy.shape[i + 2] - before[i] + reach[i]);
  return [...before, ...after];
}

/** count - 1, ..., 0, each times `factor`. */
function descending(count: number, factor: number): number[] {
  return Array.from({ length: count }, (_, i) => (count - 1 - i) * factor);
}

/**
 * Chosen taps (row-major numbers) of a kernel in the given order, with in- and output channels
 * exchanged, as a kernel of `size`.
 */
function tapsOf(
  w: BlockedWriter,
  kernel: string,
  [o, c, kh, kw]: Shape,
  groups: number,
  taps: readonly number[],
  size: readonly number[],
): string {
  const { block } = w;
  if (groups > 1) {
    const rows = w.reshape(kernel, [w.up(o) / block, kh * kw, block]);
    return w.reshape(w.gather(rows, taps, 1), [w.up(o), 1, ...size]);
  }
  const [ob, ib, area] = [w.up(o) / block, w.up(c) / block, kh * kw];
  const count = ob * ib * area;
  // [.., b of I, b of O] read as [count, channels b, positions b]: the reorder exchanges the two
  const swapped = w.mapFromCanonical(w.reshape(kernel, [count, block, block, 1]));
  const indices: number[] = [];
  for (let i = 0; i < ib; i++)
    for (let j = 0; j < ob; j++) for (const tap of taps) indices.push((j * ib + i) * area + tap);
  const chosen = w.gather(w.reshape(swapped, [count, block * block]), indices, 0);
  return w.reshape(chosen, [w.up(c), w.up(o), ...size]);
}

/** Along one axis: the taps that reach a phase, and how far the first output lies ahead. */
interface Phase {
  /** Kernel indices in the order of the convolution, last tap first. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly ahead: number;
}

function phasesOf(kernel: number, stride: number, pad: number): Phase[] {
  return Array.from({ length: stride }, (_, phase) => {
    const first = (phase + pad) % stride;
    const count = Math.max(0, Math.ceil((kernel - first) / stride));
    const ahead = Math.floor((phase + pad) / stride);
    // taps that would need a negative pad are filled up with nothing: the caller shifts instead
    return {
      taps: descending(count, 1).map((m) => first + m * stride),
      before: count - 1 - ahead,
      ahead,
    };
  });
}

interface Part {
  readonly node: Node<GradInputAttrs>;
  readonly inputs: readonly string[];
}

/** All parts have the same strides and give gradients of one shape. */
function strided(w: BlockedWriter, parts: readonly Part[]): string {
  const { shape, strides } = parts[0].node.attrs;
  const grid = [0, 1].map((axis) => gridOf(parts, axis));
  const phases: (string | undefined)[][] = Array.from({ length: strides[0] }, (_, i) =>
    Array.from({ length: strides[1] }, (_, j) =>
      parts.reduce<string | undefined>(
        (sum, part) => phaseOf(w, part, i, j, grid, sum) ?? sum,
        undefined,
      ),
    ),
  );
  return interleave(w, phases, shape, grid);
}

/** Rows (or columns) of each phase: enough for the result, and for pads that are not negative. */
function gridOf(parts: readonly Part[], axis: number): number {
  return Math.max(
    ...parts.map(({ node: { attrs, inputs } }) => {
      const size = Math.ceil(attrs.shape[axis + 2] / attrs.strides[axis]);
      const phases = phasesOf(inputs[1].shape[axis + 2], attrs.strides[axis], attrs.pads[axis]);
      const out = inputs[0].shape[axis + 2];
      const reached = phases.filter(({ taps }) => taps.length > 0);
      return Math.max(size, ...reached.map(({ ahead }) => out - ahead));
    }),
  );
}

/** One phase on the grid, added to `sum`; undefined where no tap reaches it. */
function phaseOf(
  w: BlockedWriter,
  { node, inputs: [dy, kernel] }: Part,
  i: number,
  j: number,
  grid: readonly number[],
  sum: string | undefined,
): string | undefined {
  const { strides, pads, groups } = node.attrs;
  const [dyShape, ws] = node.inputs.map((value) => value.shape);
  const rows = phasesOf(ws[2], strides[0], pads[0])[i];
  const columns = phasesOf(ws[3], strides[1], pads[1])[j];
  if (rows.taps.length === 0 || columns.taps.length === 0) return undefined;
  // a negative pad in front means that the first gradients reach outside: they are cut off
  const skip = [rows, columns].map(({ before }) => Math.max(0, -before));
  const size = [0, 1].map((axis) => dyShape[axis + 2] - skip[axis]);
  if (size.some((rows) => rows <= 0)) return undefined;
  let source = dy;
  if (skip[0] + skip[1] > 0) {
    const planes = (dyShape[0] * w.up(dyShape[1])) / w.block;
    const map = w.reshape(dy, [planes, dyShape[2], dyShape[3], w.block]);
    const cut = w.slice(map, [1, 2], skip, [dyShape[2], dyShape[3]]);
    source = w.reshape(cut, [dyShape[0], w.up(dyShape[1]), ...size]);
  }
  const before = [rows, columns].map((phase) => Math.max(0, phase.before));
  const counts = [rows.taps.length, columns.taps.length];
  const after = [0, 1].map((axis) => grid[axis] - size[axis] - before[axis] + counts[axis] - 1);
  const taps = rows.taps.flatMap((r) => columns.taps.map((c) => r * ws[3] + c));
  return w.convolve(source, tapsOf(w, kernel, ws, groups, taps, counts), {
    sum,
    pads: [...before, ...after],
    groups: groups === 1 ? 1 : w.up(groups),
  });
}

/** Phases [rows][columns] of blocked maps on the grid, woven into one map of `shape`. */
export function interleave(
  w: BlockedWriter,
  phases: readonly (readonly (string | undefined)[])[],
  shape: Shape,
  [gh, gw]: readonly number[],
): string {
  const { block } = w;
  const [n, c] = shape;
  const [sh, sw] = [phases.length, phases[0].length];
  const planes = (n * w.up(c)) / block;
  const cells = (phase: string) => w.reshape(phase, [planes * gh, gw, block]);
  const zeros = () => w.zeros([planes * gh, gw, block]);
  const rows = phases.map((row) => {
    if (row.every((phase) => phase === undefined)) return undefined;
    const parts = row.map((phase) => (phase === undefined ? zeros() : cells(phase)));
    return w.reshape(w.concat(parts, 2), [planes * gh, gw * sw * block]);
  });
  const full = rows.map((row) => row ?? w.zeros([planes * gh, gw * sw * block]));
  const woven = w.reshape(w.concat(full, 1), [n, w.up(c), gh * sh, gw * sw]);
  return cutMap(w, woven, [n, c, gh * sh, gw * sw], [shape[2], shape[3]]);
}
