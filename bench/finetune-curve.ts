// The first steps of fine-tuning Grocery Store, ours against PyTorch's: the same weights, head,
// batches and recipe, loss by loss. Needs ../shared and the peers (bench/peers/setup).
//
//   npx tsx bench/finetune-curve.ts [steps] [batch]     one JSON line at the end

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { float32, type HostTensor, hostTensor, int64 } from '../src/core/tensor.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { trainedAmong } from '../src/methods/stage.ts';

import { stageBatch } from '../src/methods/stage-batch.ts';
import { scheduleFactor } from '../src/nn/schedules.ts';
import { Parameters } from '../src/nn/scope.ts';
import { createSession } from '../src/runtime/node.ts';
import { imageBatches } from '../src/train/batches.ts';
import { parseConfig, stageSettings } from '../src/train/config.ts';
import { emitter } from '../src/train/events.ts';
import { prepareTask } from '../src/train/prepare-task.ts';
import { buildStep } from '../src/train/step-graph.ts';
import { runPeer } from './peers/run-peer.ts';

export interface CurveResult {
  readonly steps: number;
  readonly batch: number;
  /** Loss of every step, before its update. */
  readonly ours: number[];
  readonly torch: number[];
  /** Largest |ours - torch| / torch. */
  readonly worst: number;
}

const shared = resolve(import.meta.dirname, '../../shared');

/** Trains both for some steps of the same batches. */
export async function finetuneCurve(steps = 50, batch = 16): Promise<CurveResult> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldmark-curve-'));
  try {
    const weights = join(shared, 'weights/mobilenet_v2-imagenet.safetensors');
    const config = parseConfig({ data: join(shared, 'data/grocery-store'), weights, threads: 2 });
    const signal = new AbortController().signal;
    const task = await prepareTask(
      config,
      emitter(() => {}),
      signal,
    );
    const stage = trainedAmong(task.method.stages(task.context)).find(
      ({ name }) => name === 'all',
    )!;
    const settings = stageSettings('all', stage.settings, { batch, rate: 0.01 });
    const source = imageBatches({ examples: task.train, settings, config });
    const store = task.freshStore();
    const rates = Array.from(
      { length: steps },
      (_, t) =>
        settings.rate * scheduleFactor(settings.schedule, t, source.stepsPerEpoch, settings.epochs),
    );

    const head = new Map<string, HostTensor>([
      ['classifier.1.weight', store.get('head.weight')!],
      ['classifier.1.bias', store.get('head.bias')!],
    ]);
    await writeSafetensors(join(folder, 'head.safetensors'), head);

    const parameters = new Parameters(stage.trains);
    const graph = buildStep({
      ...stage.loss(parameters.root(), stageBatch(stage, source.shape)),
      parameters,
      store,
      optimiser: settings.optimiser,
      group: (spec) => ({
        rateFactor: spec.path.startsWith('backbone.') ? 1 : settings.headFactor,
        decay: spec.role === 'weight' ? settings.decay : 0,
      }),
      clip: settings.clip,
    });
    const session = await createSession(graph.model.bytes, { threads: 2, memoryPattern: false });
    const feeds: Record<string, HostTensor> = {};
    for (const name of graph.carried.keys()) {
      feeds[name] = store.get(name) ?? graph.initialState.get(name)!;
    }
    const ours: number[] = [];
    const images = new Uint8Array(steps * batch * config.size ** 2 * 3);
    const labels: number[] = [];
    for (let t = 0; t < steps; t++) {
      const epoch = Math.floor(t / source.stepsPerEpoch);
      const fed = await source.load(epoch, t % source.stepsPerEpoch);
      images.set(fed.input.data as Uint8Array, (t * images.length) / steps);
      labels.push(...Array.from(fed.fields.labels.data as BigInt64Array, Number));
      const out = await session.run({
        ...feeds,
        input: fed.input,
        ...fed.fields,
        rate: float32([], [rates[t]]),
        step: float32([], [t + 1]),
      });
      for (const [name, next] of graph.carried) feeds[name] = out[next];
      ours.push(Number(out.loss.data[0]));
    }
    await session.close();
    await source.close();

    const shape = [steps * batch, config.size, config.size, 3];
    const batches = new Map<string, HostTensor>([
      ['images', hostTensor('uint8', shape, images)],
      ['labels', int64([labels.length], labels)],
    ]);
    await writeSafetensors(join(folder, 'batches.safetensors'), batches);
    const recipe = {
      weights,
      head: 'head.safetensors',
      batches: 'batches.safetensors',
      batch,
      rates,
      headMultiplier: settings.headFactor,
      weightDecay: settings.decay,
      labelSmoothing: settings.smoothing,
      clip: settings.clip,
    };
    const path = join(folder, 'config.json');
    await writeFile(path, JSON.stringify(recipe));
    const { losses } = await runPeer<{ losses: number[] }>('finetune', [path]);
    const worst = Math.max(...ours.map((v, i) => Math.abs(v - losses[i]) / losses[i]));
    return { steps, batch, ours, torch: losses, worst };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const [steps = 50, batch = 16] = process.argv.slice(2).map(Number);
  const result = await finetuneCurve(steps, batch);
  result.ours.forEach((loss, t) => {
    console.log(`step ${t + 1}  ours ${loss.toFixed(5)}  torch ${result.torch[t].toFixed(5)}`);
  });
  console.log(JSON.stringify(result));
}
