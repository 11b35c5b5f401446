// Time and peak memory of one training step with the portable lowering, on random images.
//
//   npx tsx bench/step.ts [backbone] [frozen|batch] [batch] [size] [rounds]

import { float32, type HostTensor, hostTensor } from '../src/core/tensor.ts';
import { input } from '../src/graph/ops/leaf.ts';
import { findBackbone } from '../src/nn/backbones/table.ts';
import { normaliseImage } from '../src/nn/image-input.ts';
import { linear } from '../src/nn/layers.ts';
import { crossEntropy, smoothTargets } from '../src/nn/losses.ts';
import { initialise, type ParameterStore, Parameters } from '../src/nn/scope.ts';
import { createSession } from '../src/runtime/node.ts';
import { buildStep } from '../src/train/step-graph.ts';

const CLASSES = 1000;
const [name = 'mobilenet_v2', norms = 'frozen', ...numbers] = process.argv.slice(2);
const [batch = 16, size = 224, rounds = 7] = numbers.map(Number);

const parameters = new Parameters();
const scope = parameters.root();
const image = input('image', [batch, size, size, 3], 'uint8');
const pixels = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const { pooled } = findBackbone(name).features(
  scope.child('backbone'),
  normaliseImage(image, pixels),
  { norms: norms === 'batch' ? 'batch' : 'frozen', padding: 'torch' },
);
const logits = linear(scope.child('head'), pooled, CLASSES);
const store: ParameterStore = new Map();
initialise(parameters, store, 0);
const graph = buildStep({
  loss: crossEntropy(logits, input('targets', [batch, CLASSES])),
  metrics: {},
  parameters,
  store,
  optimiser: { kind: 'sgd', momentum: 0.9, nesterov: false },
  group: () => ({ rateFactor: 1, decay: 0 }),
});
const began = performance.now();
const session = await createSession(graph.model.bytes, { threads: 2, memoryPattern: false });
const create = performance.now() - began;
const bytes = Uint8Array.from(
  { length: batch * size * size * 3 },
  (_, i) => (i * 2654435761) >>> 24,
);
const feeds: Record<string, HostTensor> = {
  image: hostTensor('uint8', image.shape, bytes),
  targets: float32(
    [batch, CLASSES],
    smoothTargets(
      Array.from({ length: batch }, (_, i) => i),
      CLASSES,
    ),
  ),
  rate: float32([], [0.01]),
  step: float32([], [1]),
};
for (const key of graph.carried.keys()) feeds[key] = store.get(key) ?? graph.initialState.get(key)!;
const times: number[] = [];
for (let i = 0; i < rounds + 2; i++) {
  const start = performance.now();
  const out = await session.run(feeds);
  for (const [key, next] of graph.carried) feeds[key] = out[next];
  if (i >= 2) times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    name,
    norms,
    batch,
    size,
    median: Math.round(times[times.length >> 1]),
    fastest: Math.round(times[0]),
    create: Math.round(create),
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
