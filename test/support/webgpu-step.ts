// Three training steps of a network on the CPU and through WebGPU, from the same numbers. Run as a
// process of its own (the driver is chosen by the environment); prints one line of JSON.

import { float32, type HostTensor, hostTensor } from '../../src/core/tensor.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../../src/nn/image-input.ts';
import { linear } from '../../src/nn/layers.ts';
import { crossEntropy, smoothTargets } from '../../src/nn/losses.ts';
import { initialise, type ParameterStore, Parameters } from '../../src/nn/scope.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { Device } from '../../src/runtime/session.ts';
import { createTrainingState } from '../../src/runtime/training-state.ts';
import { buildStep } from '../../src/train/step-graph.ts';
import { relativeError } from './numbers.ts';

const [net, norms, size] = process.argv.slice(2);
const side = Number(size);
const [batch, classes, steps] = [2, 5, 3];

async function run(device: Device) {
  const parameters = new Parameters();
  const scope = parameters.root();
  const pixels = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const image = normaliseImage(imageInput(batch, side), pixels);
  const options = { norms: norms === 'batch' ? 'batch' : 'frozen', padding: 'torch' } as const;
  const { pooled } = findBackbone(net).features(scope.child('backbone'), image, options);
  const logits = linear(scope.child('head'), pooled, classes);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 0);
  const { model, carried, initialState } = buildStep({
    loss: crossEntropy(logits, input('targets', [batch, classes])),
    parameters,
    store,
    optimiser: { kind: 'sgd', momentum: 0.9, nesterov: true },
    group: () => ({ rateFactor: 1, decay: 1e-4 }),
    clip: 5,
  });
  const keep = device === 'webgpu' ? [...carried.values()] : [];
  const session = await createSession(model.bytes, { device, keep, memoryPattern: false });
  const first = new Map(
    [...carried.keys()].map((name) => [name, store.get(name) ?? initialState.get(name)!]),
  );
  const state = createTrainingState([{ session, carried }], first);
  const bytes = Uint8Array.from(
    { length: batch * side * side * 3 },
    (_, i) => (i * 2654435761) >>> 24,
  );
  const feeds: Record<string, HostTensor> = {
    image: hostTensor('uint8', [batch, side, side, 3], bytes),
    targets: float32([batch, classes], smoothTargets([1, 3], classes, 0.1)),
  };
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const scalars = { rate: float32([], [0.01]), step: float32([], [step]) };
    const { loss } = await state.run({ ...feeds, ...scalars });
    losses.push(Number(loss.data[0]));
  }
  const numbers = await state.read();
  await state.close();
  await session.close();
  return { losses, numbers };
}

const cpu = await run('cpu');
const gpu = await run('webgpu');
const errors = [...cpu.numbers].map(([name, { data }]) => {
  const theirs = gpu.numbers.get(name)!.data as Float32Array;
  return { name, error: relativeError(theirs, Float64Array.from(data as Float32Array)) };
});
errors.sort((a, b) => b.error - a.error);
console.log(JSON.stringify({ cpu: cpu.losses, gpu: gpu.losses, worst: errors.slice(0, 3) }));
process.exit(0); // the driver's own threads would hold the process open
