// How the windows of convolutions and pooling lie on a map.

export interface ConvAttrs {
  readonly strides: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly groups: number;
}

/** Spatial size of a convolution's or pooling's output along one axis (0 vertical, 1 horizontal). */
export function outputExtent(size: number, kernel: number, attrs: ConvAttrs, axis: 0 | 1): number {
  const reach = attrs.dilations[axis] * (kernel - 1) + 1;
  const padded = size + attrs.pads[axis] + attrs.pads[axis + 2];
  return Math.floor((padded - reach) / attrs.strides[axis]) + 1;
}

export interface PoolAttrs extends ConvAttrs {
  readonly kernel: readonly [number, number];
}
