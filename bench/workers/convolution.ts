// A single convolution; its kernel is fed, as it is in training. Blocked tensors come in blocks and
// stay in blocks, as they do between the layers of a network.

import { randomStream } from '../../src/core/random.ts';
import { type Shape, sizeOf } from '../../src/core/shape.ts';
import { float32 } from '../../src/core/tensor.ts';
import { kernelLayout, type Layout, mapLayout, pack } from '../../src/graph/blocked/layout.ts';
import { lower } from '../../src/graph/lower.ts';
import { conv2d } from '../../src/graph/ops/conv.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import type { LoweringChoice } from '../../src/runtime/choices.ts';
import { createSession } from '../../src/runtime/node.ts';
import { chooseLowering } from '../../src/runtime/probe.ts';
import type { ConvWork, Setting } from '../support/job.ts';
import { type Prepared, timed } from '../support/serve.ts';

/** One call is one convolution of the batch. */
export async function prepareConvolution(job: ConvWork & Setting): Promise<Prepared> {
  const { batch, channels, side, threads, calls } = job;
  const x = input('x', [batch, channels, side, side]);
  const w = input('w', [channels, channels, 3, 3]);
  const y = conv2d(x, w, undefined, { pads: 1 });
  const lowering = await chooseLowering(job.variant as LoweringChoice);
  const blocks =
    lowering === 'portable'
      ? {}
      : {
          carried: new Map([['x', 'y']]), // of the same shape, so the output comes as x does
          layouts: new Map([
            ['x', mapLayout(lowering.block)],
            ['w', kernelLayout(lowering.block)],
          ]),
        };
  const { bytes, layouts } = lower({ y }, { lowering, ...blocks });
  const began = performance.now();
  const session = await createSession(bytes, { threads, memoryPattern: false });
  const createMs = performance.now() - began;
  const feeds = {
    x: randomTensor(x.shape, layouts.get('x')),
    w: randomTensor(w.shape, layouts.get('w')),
  };
  return {
    createMs,
    repeat: () => timed(() => session.run(feeds), calls),
    close: () => session.close(),
  };
}

function randomTensor(shape: Shape, layout: Layout | undefined) {
  const stream = randomStream(0, 'bench', 'tensor', ...shape);
  const numbers = Float32Array.from({ length: sizeOf(shape) }, () => stream.uniform(-1, 1));
  const tensor = float32(shape, numbers);
  return layout === undefined ? tensor : pack(tensor, layout);
}
