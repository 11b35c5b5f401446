// One training step of ours, ready to run over and over: the benchmark's, and bench/step.ts's.

import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { stageBatch } from '../../src/methods/stage-batch.ts';
import { IMAGE_INPUT } from '../../src/nn/image-input.ts';
import { classEntropy } from '../../src/nn/losses.ts';
import type { LoweringChoice } from '../../src/runtime/choices.ts';
import { createSession } from '../../src/runtime/node.ts';
import { chooseLowering } from '../../src/runtime/probe.ts';
import { createTrainingState, wantsNoArena } from '../../src/runtime/training-state.ts';
import { targetsOf } from '../../src/train/batches.ts';
import { buildStep } from '../../src/train/step-graph.ts';
import type { StepWork } from './job.ts';
import { buildNetwork, randomImages } from './network.ts';

export interface PreparedStep {
  /** Milliseconds to create the session. */
  readonly createMs: number;
  /** Takes one step from where the last one led, on random images or others; returns its loss. */
  run(images?: HostTensor): Promise<number>;
  close(): Promise<void>;
}

/** Builds the step and its session as training does, on one batch of random images. */
export async function prepareStep(
  { net, norms, batch, size }: Omit<StepWork, 'kind'>,
  { lowering, threads }: { readonly lowering: LoweringChoice; readonly threads: number },
): Promise<PreparedStep> {
  const mode = norms === 'train' ? 'batch' : 'frozen';
  const { parameters, store, logits } = buildNetwork(net, mode, { batch, size });
  const settings = { smoothing: 0, mixup: 0, cutmix: 0 };
  const { targets } = stageBatch({ source: 'images', settings }, [batch, size, size, 3]);
  const { model, carried, initialState } = buildStep({
    loss: classEntropy(logits, targets),
    parameters,
    store,
    optimiser: { kind: 'sgd', momentum: 0.9, nesterov: false },
    group: () => ({ rateFactor: 1, decay: 0 }),
    lowering: await chooseLowering(lowering),
  });
  const began = performance.now();
  const numbers = new Map(
    [...carried.keys()].map((name) => [name, store.get(name) ?? initialState.get(name)!]),
  );
  const session = await createSession(model.bytes, {
    threads,
    arena: !wantsNoArena(numbers.values()),
    memoryPattern: false,
    spin: false,
  });
  const createMs = performance.now() - began;
  const state = createTrainingState([{ session, carried, layouts: model.layouts }], numbers);
  numbers.clear();
  store.clear(); // what trains is in the state now, the rest in the session
  const labels = Array.from({ length: batch }, (_, i) => i);
  const feeds: Record<string, HostTensor> = {
    [IMAGE_INPUT]: randomImages(batch, size),
    ...targetsOf(labels),
    rate: float32([], [1e-4]),
    step: float32([], [1]),
  };
  return {
    createMs,
    async run(images = feeds[IMAGE_INPUT]) {
      const out = await state.run({ ...feeds, [IMAGE_INPUT]: images });
      const loss = Number(out.loss.data[0]);
      if (!Number.isFinite(loss)) throw new Error(`expected a loss, got ${loss}`);
      return loss;
    },
    async close() {
      await state.close();
      await session.close();
    },
  };
}
