// The blocked lowering against the float64 oracle: every op case as it stands, and maps that are
// in blocks already when they reach the op, with their gradients.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RandomStream, randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { pack, paddedShape, unpack } from '../../src/graph/blocked/layout.ts';
import { BLOCKED_DOMAIN } from '../../src/graph/blocked/writer.ts';
import { lower } from '../../src/graph/lower.ts';
import type { LoweredModel } from '../../src/graph/lowered.ts';
import { readOnnx } from '../../src/graph/onnx/reader.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { conv2d, samePads } from '../../src/graph/ops/conv.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { reshape } from '../../src/graph/ops/movement.ts';
import { batchNorm, channelAffine } from '../../src/graph/ops/norm.ts';
import { avgPool, globalAveragePool, maxPool } from '../../src/graph/ops/pool.ts';
import { mean } from '../../src/graph/ops/reduce.ts';
import { concat, slice } from '../../src/graph/ops/slice.ts';
import { relu, relu6, sigmoid } from '../../src/graph/ops/unary.ts';
import type { Value } from '../../src/graph/value.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import { compareBlocked, functional } from '../support/blocked-compare.ts';
import { composedCases } from '../support/composed-cases.ts';
import { caseStream, opCases } from '../support/op-cases.ts';

const cases = { ...opCases, ...composedCases };
const block = await blockedLanes();
const onBlocks = test.skipIf(block === undefined);
if (block === undefined) console.log('skipped: this machine has no blocked convolutions');

const compare = (
  outputs: Record<string, Value>,
  feeds: Record<string, HostTensor>,
  note: string,
): Promise<LoweredModel> => compareBlocked(block!, outputs, feeds, note);

for (const op of Object.keys(cases)) {
  onBlocks(`${op}: the cases of the op table`, async () => {
    for (let seed = 0; seed < 4; seed++) {
      const { inputs, build, differentiable } = cases[op](caseStream(op, seed));
      const x = inputs.map((t, i) => input(`x${i}`, t.shape, t.dtype));
      const y = build(...x);
      const wrt = differentiable ?? inputs.flatMap((t, i) => (t.dtype === 'float32' ? [i] : []));
      const outputs: Record<string, Value> = { y };
      if (y.dtype === 'float32') {
        gradients(
          functional(y, seed),
          wrt.map((i) => x[i]),
        ).forEach((g, i) => {
          outputs[`d${i}`] = g;
        });
      }
      const feeds = Object.fromEntries(inputs.map((t, i) => [`x${i}`, t]));
      await compare(outputs, feeds, `${op} seed ${seed}`);
    }
  });
}

interface Draw {
  readonly r: RandomStream;
  /** A new input with random numbers. */
  leaf(shape: readonly number[], low?: number, high?: number): Value;
  channels(): number;
}

const one = <T>(r: RandomStream, values: readonly T[]): T => values[r.integer(values.length)];

/** Bodies of small networks: each gets a map that is in blocks. */
const bodies: Record<string, (x: Value, d: Draw) => Value> = {
  'dense convolution': (x, { r, leaf, channels }) => {
    const k = one(r, [1, 2, 3, 5]);
    const stride = one(r, [1, 1, 2, 3]);
    const pads = one(r, [
      0,
      Math.floor(k / 2),
      samePads([x.shape[2], x.shape[3]], [k, k], [stride, stride]),
    ] as const);
    const o = channels();
    return conv2d(x, leaf([o, x.shape[1], k, k]), leaf([o]), { strides: stride, pads });
  },
  'dilated convolution': (x, { leaf, channels }) =>
    conv2d(x, leaf([channels(), x.shape[1], 3, 3]), undefined, { dilations: 2, pads: 2 }),
  'depthwise convolution': (x, { r, leaf }) => {
    const stride = one(r, [1, 2]);
    const pads = one(r, [1, samePads([x.shape[2], x.shape[3]], [3, 3], [stride, stride])] as const);
    const groups = x.shape[1];
    return conv2d(x, leaf([groups, 1, 3, 3]), undefined, { strides: stride, pads, groups });
  },
  'grouped convolution': (x, { leaf }) =>
    conv2d(x, leaf([x.shape[1], x.shape[1] / 4, 3, 3]), undefined, { pads: 1, groups: 4 }),
  'residual with projection': (x, { leaf, channels }) => {
    const o = channels();
    const a = conv2d(x, leaf([o, x.shape[1], 3, 3]), leaf([o]), { strides: 2, pads: 1 });
    const b = conv2d(x, leaf([o, x.shape[1], 1, 1]), leaf([o]), { strides: 2 });
    return relu(add(a, b));
  },
  residual: (x, { leaf }) => {
    const c = x.shape[1];
    return relu(add(relu(conv2d(x, leaf([c, c, 3, 3]), leaf([c]), { pads: 1 })), x));
  },
  'relu6 and sigmoid': (x) => mul(relu6(x), sigmoid(x)),
  'max-pool of a ReLU': (x, { r }) => {
    const kernel = one(r, [2, 3]);
    const pads = kernel === 3 ? one(r, [0, 1]) : 0;
    return maxPool(relu(x), { kernel, strides: one(r, [1, 2]), pads });
  },
  'max-pool': (x, { r }) => maxPool(x, { kernel: one(r, [2, 3]), strides: 2 }),
  'max-pool with padding': (x) => maxPool(x, { kernel: 3, strides: 2, pads: 1 }),
  'average pool': (x) => avgPool(x, { kernel: 2, strides: 2 }),
  'average pool with padding': (x, { r }) =>
    avgPool(x, { kernel: 3, strides: 1, pads: 1, includePad: r.chance(0.5) }),
  'batch norm': (x, { leaf }) => {
    const c = x.shape[1];
    return relu(add(batchNorm(x, leaf([c]), leaf([c])).output, x));
  },
  'channel affine': (x, { leaf }) =>
    relu6(channelAffine(x, leaf([x.shape[1]]), leaf([x.shape[1]]))),
  'squeeze and excite': (x, { leaf }) => {
    const [n, c] = x.shape;
    const gate = sigmoid(conv2d(reshape(globalAveragePool(x), [n, c, 1, 1]), leaf([c, c, 1, 1])));
    return mul(x, gate);
  },
  'mean of squares': (x) =>
    mul(x, reshape(mean(mul(x, x), [2, 3]), [x.shape[0], x.shape[1], 1, 1])),
  'channels joined and cut': (x, { leaf }) => {
    const c = x.shape[1];
    const y = relu(conv2d(x, leaf([32, c, 3, 3]), leaf([32]), { pads: 1 }));
    const joined = concat([x, y, x], 1);
    return mul(slice(joined, 1, 0, c), slice(joined, 1, c + 32, 2 * c + 32));
  },
  'scale per channel': (x, { leaf }) =>
    mul(add(x, leaf([x.shape[1], 1, 1])), leaf([x.shape[1], 1, 1])),
  'mask per cell': (x, { leaf }) => mul(x, leaf([x.shape[0], 1, x.shape[2], x.shape[3]])),
};

for (const [name, body] of Object.entries(bodies)) {
  onBlocks(`${name}, on blocked maps`, async () => {
    for (let seed = 0; seed < 8; seed++) {
      const r = randomStream(seed, 'blocked', name);
      const feeds: Record<string, HostTensor> = {};
      const leaves: Value[] = [];
      const d: Draw = {
        r,
        leaf: (shape, low = -1, high = 1) => {
          const id = `p${leaves.length}`;
          feeds[id] = float32(
            shape,
            Array.from({ length: sizeOf(shape) }, () => r.uniform(low, high)),
          );
          const value = input(id, shape);
          leaves.push(value);
          return value;
        },
        channels: () => one(r, [16, 24, 32, 40]),
      };
      const first = one(r, [3, 8]);
      const image = d.leaf([one(r, [1, 2]), first, 6 + r.integer(4), 6 + r.integer(4)]);
      const x = conv2d(image, d.leaf([d.channels(), first, 3, 3]), undefined, { pads: 1 });
      const y = body(x, d);
      const last = conv2d(y, d.leaf([16, y.shape[1], 1, 1], 0.5, 1));
      const outputs: Record<string, Value> = { y, last };
      gradients(functional(last, seed), leaves).forEach((g, i) => {
        outputs[`d${i}`] = g;
      });
      await compare(outputs, feeds, `${name} seed ${seed}`);
    }
  });
}

onBlocks.each([
  ['AlexNet', 11, 4, 2, 31],
  ['ResNet', 7, 2, 3, 22],
  ['MobileNetV2 from TensorFlow', 3, 2, 'same', 14],
  ['VGG', 3, 1, 1, 9],
] as const)('the first layer of %s, on an image', async (name, k, strides, padding, size) => {
  const r = randomStream(0, 'stem', name);
  const numbers = (shape: readonly number[]) =>
    float32(
      shape,
      Array.from({ length: sizeOf(shape) }, () => r.uniform(-1, 1)),
    );
  const pads = padding === 'same' ? samePads([size, size], [k, k], [strides, strides]) : padding;
  const feeds = { x: numbers([2, 3, size, size]), w: numbers([40, 3, k, k]), b: numbers([40]) };
  const [x, w, b] = Object.entries(feeds).map(([id, t]) => input(id, t.shape));
  const y = relu(conv2d(x, w, b, { strides, pads }));
  const found = gradients(functional(y, 0), [x, w, b]);
  await compare({ y, dx: found[0], dw: found[1], db: found[2] }, feeds, name);
});

test('packing and unpacking give the tensor back, and padded lanes are zero', () => {
  const layouts = [[1], [0], [1, 0]];
  fc.assert(
    fc.property(
      fc.tuple(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
      ),
      fc.constantFrom(...layouts),
      fc.constantFrom(8, 16),
      (shape, axes, lanes) => {
        const layout = { axes, block: lanes };
        const t = float32(
          shape,
          Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
        );
        const packed = pack(t, layout);
        expect(packed.shape).toEqual(paddedShape(shape, layout));
        expect(unpack(packed, shape, layout)).toEqual(t);
        const filled = packed.data.filter((v) => v !== 0).length;
        expect(filled).toBe(t.data.length);
      },
    ),
    { seed: 1 },
  );
});

onBlocks('a chain of convolutions changes its layout only at its ends', () => {
  const w = (o: number, c: number) =>
    constant(float32([o, c, 3, 3], new Float32Array(o * c * 9).fill(0.1)));
  let y = relu(conv2d(input('x', [1, 3, 8, 8]), w(32, 3), undefined, { pads: 1 }));
  for (let i = 0; i < 3; i++) y = add(y, relu(conv2d(y, w(32, 32), undefined, { pads: 1 })));
  const model = lower({ y }, { lowering: { block: block! } });
  const { operators } = readOnnx(model.bytes);
  expect(operators.get(`${BLOCKED_DOMAIN}.ReorderInput`)).toBeUndefined();
  expect(operators.get(`${BLOCKED_DOMAIN}.ReorderOutput`)).toBe(1);
  expect(operators.get('Relu')).toBeUndefined(); // written into the convolutions
  expect(operators.get('Transpose')).toBeUndefined();
});
