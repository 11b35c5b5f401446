// What the blocked formulas are written with: an ONNX builder that knows the block size.

import { type Shape, sizeOf } from '../../core/shape.ts';
import { type DType, float32, hostTensor } from '../../core/tensor.ts';
import type { OnnxBuilder } from '../onnx/builder.ts';
import type { AttributeValue } from '../onnx/protos.ts';
import type { TensorType } from '../tensor-type.ts';
import {
  isAlias,
  isPadded,
  type Layout,
  layoutKey,
  mapLayout,
  paddedShape,
  physicalShape,
  splitAxes,
} from './layout.ts';

/** ONNX Runtime's operators on blocked tensors. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

export interface Activation {
  readonly name: 'Relu' | 'Clip' | 'HardSigmoid';
  readonly params?: readonly number[];
}

export interface ConvolutionParts {
  readonly bias?: string;
  /** Added before the activation, shaped like the result. */
  readonly sum?: string;
  readonly activation?: Activation;
  readonly strides?: readonly number[];
  /** Top, left, bottom, right. */
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
  readonly groups?: number;
}

export class BlockedWriter {
  readonly b: OnnxBuilder;
  readonly block: number;

  constructor(b: OnnxBuilder, block: number) {
    this.b = b;
    this.block = block;
  }

  /** Channels filled up to whole blocks. */
  up(channels: number): number {
    return Math.ceil(channels / this.block) * this.block;
  }

  /** A convolution on blocked maps (or on a canonical one with few channels). */
  convolve(x: string, w: string, parts: ConvolutionParts = {}): string {
    const { bias, sum, activation, strides, pads, dilations, groups = 1 } = parts;
    const inputs = [x, w];
    if (bias !== undefined || sum !== undefined) inputs.push(bias ?? '');
    if (sum !== undefined) inputs.push(sum);
    const attributes: Record<string, AttributeValue> = { group: groups };
    if (strides !== undefined) attributes.strides = strides;
    if (pads !== undefined) attributes.pads = pads;
    if (dilations !== undefined) attributes.dilations = dilations;
    if (activation !== undefined) {
      attributes.activation = activation.name;
      if (activation.params) attributes.activation_params = { floats: activation.params };
    }
    return this.b.op('Conv', inputs, attributes, BLOCKED_DOMAIN);
  }

  /** Scale and shift per channel: a depthwise 1x1 convolution. `scale` and `shift` [channels]. */
  affine(
    x: string,
    channels: number,
    scale: string,
    shift?: string,
    parts: Pick<ConvolutionParts, 'sum' | 'activation'> = {},
  ): string {
    const w = this.reshape(scale, [channels, 1, 1, 1]);
    return this.convolve(x, w, { ...parts, bias: shift, groups: channels });
  }

  /** The same numbers under another shape. */
  reshape(x: string, shape: Shape): string {
    return this.b.op('Reshape', [x, this.b.ints(shape)]);
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.b.op('Transpose', [x], { perm });
  }

  concat(parts: readonly string[], axis: number): string {
    return parts.length === 1 ? parts[0] : this.b.op('Concat', parts, { axis });
  }

  slice(
    x: string,
    axes: readonly number[],
    from: readonly number[],
    to: readonly number[],
  ): string {
    const { b } = this;
    return b.op('Slice', [x, b.ints(from), b.ints(to), b.ints(axes)]);
  }

  /** Zeros behind each axis. */
  padBehind(x: string, behind: readonly number[]): string {
    if (behind.every((count) => count === 0)) return x;
    return this.b.op('Pad', [x, this.b.ints([...behind.map(() => 0), ...behind])]);
  }

  sum(x: string, axes: readonly number[]): string {
    return this.b.op('ReduceSum', [x, this.b.ints(axes)], { keepdims: 0 });
  }

  gather(x: string, indices: readonly number[], axis: number): string {
    const at = hostTensor('int32', [indices.length], Int32Array.from(indices));
    return this.b.op('Gather', [x, this.b.constant(at)], { axis });
  }

  /** Zeros of a shape, without storing them. */
  zeros(shape: Shape): string {
    const none = float32([1], [0]);
    const at = this.b.ints(shape);
    return this.b.op('Expand', [this.b.constant(none), at]);
  }

  globalAverage(x: string): string {
    return this.b.op('GlobalAveragePool', [x], {}, BLOCKED_DOMAIN);
  }

  /** Blocked map to canonical, with `channels` channels. */
  mapToCanonical(x: string, channels: number): string {
    return this.b.op('ReorderOutput', [x], { channels }, BLOCKED_DOMAIN);
  }

  /** Canonical map, whose channels fill whole blocks, to blocked. */
  mapFromCanonical(x: string): string {
    return this.b.op('ReorderInput', [x], {}, BLOCKED_DOMAIN);
  }

  /** [channels] filled up to whole blocks with zeros. */
  padVector(x: string, channels: number): string {
    return this.padBehind(x, [this.up(channels) - channels]);
  }

  /** The first `channels` of a vector. */
  cutVector(x: string, channels: number): string {
    return this.up(channels) === channels ? x : this.slice(x, [0], [0], [channels]);
  }

  /** A canonical tensor in blocks, declared with the padded shape. */
  toLayout(x: string, { shape, dtype }: TensorType, layout: Layout): string {
    const padded = paddedShape(shape, layout);
    const full = this.padBehind(
      x,
      padded.map((dim, axis) => dim - shape[axis]),
    );
    if (isAlias(padded, layout)) return full;
    if (this.#isMap(layout, dtype) && shape.length === 4) {
      return this.mapFromCanonical(full);
    }
    const { split, perm } = splitAxes(shape, layout);
    return this.reshape(this.transpose(this.reshape(full, split), perm), padded);
  }

  /** What ONNX Runtime's reorderings take. */
  #isMap(layout: Layout, dtype: DType): boolean {
    return dtype === 'float32' && layoutKey(layout) === layoutKey(mapLayout(this.block));
  }

  /** A blocked tensor in canonical order and shape. */
  toCanonical(x: string, { shape, dtype }: TensorType, layout: Layout): string {
    const padded = paddedShape(shape, layout);
    if (this.#isMap(layout, dtype) && sizeOf(shape.slice(2)) > 1) {
      return this.mapToCanonical(x, shape[1]);
    }
    let plain = x;
    if (!isAlias(padded, layout)) {
      const { perm } = splitAxes(shape, layout);
      const inverse = perm.map((_, axis) => perm.indexOf(axis));
      plain = this.transpose(this.reshape(x, physicalShape(shape, layout)), inverse);
      plain = this.reshape(plain, padded);
    }
    if (!isPadded(shape, layout)) return plain;
    const { axes } = layout;
    const ends = axes.map((axis) => shape[axis]);
    return this.slice(
      plain,
      axes,
      axes.map(() => 0),
      ends,
    );
  }
}
