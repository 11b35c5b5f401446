// Convolution and its gradients as plain loops in float64: the oracle for conv.ts.

import { type Shape, sizeOf } from '../../core/shape.ts';
import type { Reference } from '../value.ts';
import type { ConvAttrs } from './window.ts';

/** Calls `visit` with the flat offsets into x, w and y of every product that makes up y. */
function eachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  { strides, pads, dilations, groups }: ConvAttrs,
  visit: (ix: number, iw: number, iy: number) => void,
): void {
  const [n, c, h, width] = x;
  const [o, cg, kh, kw] = w;
  const [, , oh, ow] = y;
  const og = o / groups;
  for (let b = 0; b < n; b++)
    for (let k = 0; k < o; k++)
      for (let q = 0; q < cg; q++) {
        const channel = Math.floor(k / og) * cg + q;
        for (let r = 0; r < oh; r++)
          for (let s = 0; s < ow; s++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) {
                const row = r * strides[0] + i * dilations[0] - pads[0];
                const column = s * strides[1] + j * dilations[1] - pads[1];
                if (row < 0 || row >= h || column < 0 || column >= width) continue;
                visit(
                  ((b * c + channel) * h + row) * width + column,
                  ((k * cg + q) * kh + i) * kw + j,
                  ((b * o + k) * oh + r) * ow + s,
                );
              }
      }
}

export function convReference(
  [x, w, bias]: readonly Reference[],
  attrs: ConvAttrs,
  shape: Shape,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  if (bias) {
    const area = shape[2] * shape[3];
    for (let i = 0; i < out.length; i++) out[i] = bias.data[Math.floor(i / area) % shape[1]];
  }
  eachProduct(x.shape, w.shape, shape, attrs, (ix, iw, iy) => {
    out[iy] += x.data[ix] * w.data[iw];
  });
  return out;
}

export function gradInputReference(
  dy: Reference,
  w: Reference,
  shape: Shape,
  attrs: ConvAttrs,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  eachProduct(shape, w.shape, dy.shape, attrs, (ix, iw, iy) => {
    out[ix] += dy.data[iy] * w.data[iw];
  });
  return out;
}

export function gradWeightReference(
  x: Reference,
  dy: Reference,
  shape: Shape,
  attrs: ConvAttrs,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  eachProduct(x.shape, shape, dy.shape, attrs, (ix, iw, iy) => {
    out[iw] += dy.data[iy] * x.data[ix];
  });
  return out;
}
