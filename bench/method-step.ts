// What a method adds to a training step: the stages `all` of methods on one backbone, in alternating
// rounds, with ten classes and random images. Each ratio is to the first method.
//
//   npx tsx bench/method-step.ts <backbone> <batch> <size> <rounds> <method>...
//
// The allocator's settings of src/train/train.ts belong in its environment, as in training.

import { randomStream } from '../src/core/random.ts';
import { float32, type HostTensor } from '../src/core/tensor.ts';
import type { MethodContext } from '../src/methods/method.ts';
import { trainedAmong } from '../src/methods/stage.ts';
import { stageBatch } from '../src/methods/stage-batch.ts';
import { findMethod } from '../src/methods/table.ts';
import { publishedNetwork } from '../src/nn/backbones/backbone.ts';
import { findBackbone } from '../src/nn/backbones/table.ts';
import { initialise, type ParameterStore, Parameters } from '../src/nn/scope.ts';
import { createSession } from '../src/runtime/node.ts';
import { chooseLowering } from '../src/runtime/probe.ts';
import { createTrainingState } from '../src/runtime/training-state.ts';
import { targetsOf } from '../src/train/batches.ts';
import { buildStep } from '../src/train/step-graph.ts';
import { randomImages } from './support/network.ts';
import { median, pairedRatio } from './support/statistics.ts';

const [net, batch, size, rounds, ...names] = process.argv.slice(2);
if (names.length === 0) {
  throw new Error(
    'method-step: expected <backbone> <batch> <size> <rounds> <method>..., got less. Name all.',
  );
}
const CLASSES = 10;
const WARM_UP = 2;
const feeds: Record<string, HostTensor> = {
  input: randomImages(Number(batch), Number(size)),
  ...targetsOf(Array.from({ length: Number(batch) }, (_, i) => i % CLASSES)),
  rate: float32([], [1e-4]),
  step: float32([], [1]),
};

const steps = await Promise.all(names.map(prepare));
const times: number[][] = names.map(() => []);
for (let round = -WARM_UP; round < Number(rounds); round++) {
  for (const [i, run] of steps.entries()) {
    const start = performance.now();
    await run();
    if (round >= 0) times[i].push(performance.now() - start);
  }
}
const rows = names.map((method, i) => ({
  method,
  median: Math.round(median(times[i])),
  fastest: Math.round(Math.min(...times[i])),
  ...pairedRatio(times[i], times[0]),
}));
console.log(JSON.stringify({ net, batch, size, rows }, null, 2));

/** A step of the stage that trains the whole network, each from where the last one led. */
async function prepare(name: string): Promise<() => Promise<unknown>> {
  const method = findMethod(name);
  const context: MethodContext = {
    options: method.options.parse({}),
    backbone: findBackbone(net),
    network: publishedNetwork,
    pixels: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    padding: 'torch',
    norms: 'frozen',
    classes: CLASSES,
    pretrained: true,
  };
  const stages = trainedAmong(method.stages(context));
  const stage = stages.find(({ name }) => name === 'all') ?? stages.at(-1)!;
  const parameters = new Parameters(stage.trains);
  const shape = [Number(batch), Number(size), Number(size), 3];
  const drawn: Record<string, HostTensor> = {};
  const fed = stageBatch(stage, shape, {
    drawn: (key, of) => {
      const stream = randomStream(0, 'bench', key);
      const count = of.reduce((product, d) => product * d, 1);
      drawn[key] = float32(
        of,
        Array.from({ length: count }, () => stream.uniform()),
      );
    },
  });
  const { loss } = stage.loss(parameters.root(), fed);
  const store: ParameterStore = new Map();
  initialise(parameters, store, 0);
  const { clip } = stage.settings;
  const { model, carried, initialState } = buildStep({
    loss,
    parameters,
    store,
    optimiser: stage.settings.optimiser,
    group: () => ({ rateFactor: 1, decay: 1e-4 }),
    clip: clip > 0 ? clip : undefined,
    lowering: await chooseLowering('auto'),
  });
  const options = { threads: 2, memoryPattern: false, spin: false };
  const session = await createSession(model.bytes, options);
  const numbers = [...carried.keys()].map(
    (key) => [key, store.get(key) ?? initialState.get(key)!] as const,
  );
  const programs = [{ session, carried, layouts: model.layouts }];
  const state = createTrainingState(programs, new Map(numbers));
  return () => state.run({ ...feeds, ...drawn });
}
