// Shapes that do not fit are errors where the graph is built, and say what would fit.
import { expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import type { DType } from '../../src/core/tensor.ts';
import { convTranspose2d } from '../../src/graph/ops/conv-transpose.ts';
import { gather, scatterAdd } from '../../src/graph/ops/gather.ts';
import { layerNorm } from '../../src/graph/ops/layer-norm.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { localResponseNorm } from '../../src/graph/ops/local-response-norm.ts';
import { logSoftmax, softmax } from '../../src/graph/ops/reduce.ts';
import { concat, slice, split } from '../../src/graph/ops/slice.ts';

const of = (shape: number[], dtype: DType = 'float32') => input('x', shape, dtype);
const map = of([2, 4, 5, 6]);

const refusals: Record<string, [() => unknown, RegExp]> = {
  'convTranspose2d: channels': [
    () => convTranspose2d(map, of([3, 4, 3, 3])),
    /convTranspose2d: expected x \[N, C, H, W\].* got \[2, 4, 5, 6\], \[3, 4, 3, 3\] with 1 groups/,
  ],
  'convTranspose2d: groups': [
    () => convTranspose2d(map, of([4, 2, 3, 3]), undefined, { groups: 3 }),
    /with 3 groups/,
  ],
  'convTranspose2d: bias': [
    () => convTranspose2d(map, of([4, 2, 3, 3]), of([2]), { groups: 2 }),
    /a bias of \[O\], got .*\[2\] with 2 groups/,
  ],
  'convTranspose2d: outputPadding': [
    () => convTranspose2d(map, of([4, 2, 3, 3]), undefined, { strides: 2, outputPadding: 2 }),
    /an outputPadding from 0 to below 2, .* got 2/,
  ],
  'convTranspose2d: nothing left': [
    () => convTranspose2d(map, of([4, 2, 3, 3]), undefined, { pads: 4 }),
    /expected pads of less than 7 along axis 2, got 4 and 4/,
  ],
  'localResponseNorm: rank': [() => localResponseNorm(of([2, 3]), { size: 3 }), /got float32 \[2/],
  'localResponseNorm: size': [() => localResponseNorm(map, { size: 0 }), /got size 0/],
  'localResponseNorm: k': [() => localResponseNorm(map, { size: 3, k: 0 }), /k above 0, got .*k 0/],
  'layerNorm: other axes': [
    () => layerNorm(map, of([5]), of([5])),
    /layerNorm: expected .* its last axes, got float32 \[2, 4, 5, 6\] and float32 \[5\]/,
  ],
  'layerNorm: shift': [() => layerNorm(map, of([5, 6]), of([6])), /and float32 \[6\]/],
  'layerNorm: no axes': [() => layerNorm(map, of([]), of([])), /layerNorm/],
  'layerNorm: more axes than x': [() => layerNorm(of([3]), of([2, 3]), of([2, 3])), /layerNorm/],
  'softmax: a scalar': [() => softmax(of([])), /softmax: expected float32 of rank 1 or more/],
  'softmax: whole numbers': [() => softmax(of([3], 'int64')), /got int64 \[3\]/],
  'logSoftmax: a scalar': [() => logSoftmax(of([])), /logSoftmax: expected/],
  'split: sizes': [
    () => split(map, 1, [1, 2]),
    /split: expected whole positive sizes that add up to 4, axis 1 of .*, got \[1, 2\]/,
  ],
  'split: equal pieces': [() => split(map, -1, 4), /add up to 6.* got 4 equal pieces/],
  'split: an empty piece': [() => split(map, 1, [4, 0]), /got \[4, 0\]/],
  'split: axis': [() => split(map, 4, 1), /an axis of \[2, 4, 5, 6\], got axis 4/],
  'slice: axis': [() => slice(map, -5, 0, 1), /slice: expected an axis of .* got axis -5/],
  'concat: nothing': [() => concat([], 0), /concat: expected at least one value/],
  'concat: rank': [
    () => concat([of([2, 3]), of([2])], 0),
    /got float32 \[2, 3\] and float32 \[2\]/,
  ],
  'concat: type': [() => concat([of([2]), of([2], 'int64')], 0), /and int64 \[2\]/],
  'concat: shape': [() => concat([of([2, 3]), of([2, 4])], 0), /agree but for axis 0/],
  'concat: axis': [() => concat([of([2]), of([2])], 1), /axis 1/],
  'gather: indices': [() => gather(map, of([2])), /gather: expected int64 indices of rank 1/],
  'gather: axis': [() => gather(map, of([2], 'int64'), 4), /an axis of .* got axis 4/],
  'scatterAdd: indices': [
    () => scatterAdd(map, of([3], 'int64'), 1, 7),
    /one index for each element of axis 1.* got float32 \[2, 4, 5, 6\] with 3 indices and size 7/,
  ],
  'scatterAdd: rank of indices': [
    () => scatterAdd(map, of([4, 1], 'int64'), 1, 7),
    /scatterAdd: expected int64 indices of rank 1, got int64 \[4, 1\]/,
  ],
  'scatterAdd: size': [() => scatterAdd(map, of([4], 'int64'), 1, 0), /size 0/],
};

test.each(Object.entries(refusals))('%s', (_, [build, message]) => {
  expect(build).toThrow(FieldmarkError);
  expect(build).toThrow(message);
});
