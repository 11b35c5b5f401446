// Transposed convolution, which is the gradient of a convolution in its input (Zeiler et al. 2010,
// "Deconvolutional Networks"; Dumoulin and Visin 2016, arXiv 1603.07285, section 4).

import { showShape } from '../../core/shape.ts';
import { graphError } from '../tensor-type.ts';
import type { Value } from '../value.ts';
import { add } from './arithmetic.ts';
import { asPair, type ConvOptions, conv2dGradInput, convAttrs, type Pair } from './conv.ts';
import { perChannel } from './norm.ts';
import { pad } from './slice.ts';
import type { ConvAttrs } from './window.ts';

export interface ConvTransposeOptions extends ConvOptions {
  /** Rows added at the bottom and columns at the right; below the stride or the dilation. */
  outputPadding?: Pair;
}

/**
 * Transposed 2-D convolution with torch's meaning of the options:
 * y[n, o, s r + d t - p] = sum of x[n, c, r] w[c, o, t] over all c, r and t that meet there, plus
 * the bias. x [N, C, H, W], w [C, O/groups, kh, kw], bias [O]; the result is [N, O, H', W'] with
 * H' = (H - 1) stride - pads + dilation (kh - 1) + 1 + outputPadding, and W' alike. Throws where
 * the shapes do not fit, the outputPadding is too large, or nothing would be left.
 */
export function convTranspose2d(
  x: Value,
  w: Value,
  bias?: Value,
  options: ConvTransposeOptions = {},
): Value {
  const attrs = convAttrs(options);
  const more = asPair(options.outputPadding ?? 0);
  checkTransposed(x, w, bias, attrs, more);
  const { strides, pads, dilations, groups } = attrs;
  // added rows are first those that the padding would have cut off, then zeros nothing reaches
  const kept = [0, 1].map((i) => Math.min(more[i], pads[i + 2]));
  const extents = [0, 1].map((i) => {
    const full = (x.shape[i + 2] - 1) * strides[i] + dilations[i] * (w.shape[i + 2] - 1) + 1;
    const extent = full - pads[i] - pads[i + 2] + kept[i];
    if (extent >= 1) return extent;
    const got = `${pads[i]} and ${pads[i + 2]}`;
    throw graphError('convTranspose2d', `pads of less than ${full} along axis ${i + 2}`, got);
  });
  const covered = conv2dGradInput(x, w, [x.shape[0], w.shape[1] * groups, ...extents], {
    ...attrs,
    pads: [pads[0], pads[1], pads[2] - kept[0], pads[3] - kept[1]],
  });
  const zeros = [more[0] - kept[0], more[1] - kept[1]];
  const y = zeros.some((count) => count > 0)
    ? pad(covered, [
        [0, 0],
        [0, 0],
        [0, zeros[0]],
        [0, zeros[1]],
      ])
    : covered;
  return bias ? add(y, perChannel(bias)) : y;
}

function checkTransposed(
  x: Value,
  w: Value,
  bias: Value | undefined,
  { strides, dilations, groups }: ConvAttrs,
  more: readonly [number, number],
): void {
  const fits =
    x.shape.length === 4 &&
    w.shape.length === 4 &&
    x.shape[1] === w.shape[0] &&
    w.shape[0] % groups === 0 &&
    (bias === undefined || bias.shape.join() === String(w.shape[1] * groups));
  if (!fits) {
    const shapes = [x, w, ...(bias ? [bias] : [])].map(({ shape }) => showShape(shape));
    throw graphError(
      'convTranspose2d',
      'x [N, C, H, W], w [C, O/groups, kh, kw] and a bias of [O]',
      `${shapes.join(', ')} with ${groups} groups`,
    );
  }
  for (const i of [0, 1]) {
    const limit = Math.max(strides[i], dilations[i]);
    if (!Number.isInteger(more[i]) || more[i] < 0 || more[i] >= limit) {
      throw graphError(
        'convTranspose2d',
        `an outputPadding from 0 to below ${limit}, the larger of stride and dilation`,
        String(more[i]),
      );
    }
  }
}
