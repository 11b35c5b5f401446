// One part of a run: one stage trained over some images, with its validation and checkpoints.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { fail } from '../core/errors.ts';
import type { Example } from '../core/example.ts';
import { Pace } from '../core/progress.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { input } from '../graph/ops/leaf.ts';
import type { Value } from '../graph/value.ts';
import type { Stage, StageSettings } from '../methods/method.ts';
import { scheduleFactor } from '../nn/schedules.ts';
import { type ParameterNumbers, type ParameterSpec, Parameters } from '../nn/scope.ts';
import { createSession } from '../runtime/node.ts';
import type { Session } from '../runtime/session.ts';
import { type BatchSource, featureBatches, imageBatches, uniformNumbers } from './batches.ts';
import type { BestEpoch } from './checkpoint.ts';
import type { Emit } from './events.ts';
import { featuresOf, rootMeanSquareNorm } from './features.ts';
import { reportMemory } from './memory.ts';
import type { MetricsLog } from './run-folder.ts';
import { buildStep, type GroupRule, type StepGraph } from './step-graph.ts';
import type { Task } from './task.ts';
import { validator } from './validation.ts';

/** Thrown when a person asked to stop. The trainer writes a checkpoint before it goes further. */
export class Stopped extends Error {}

export interface Part {
  readonly stage: Stage;
  readonly settings: StageSettings;
  readonly examples: readonly Example[];
  /** Trains on train and validation together, with no choice to make. */
  readonly refit: boolean;
}

/** Where a part stands; written to checkpoints, mutated as it goes. */
export interface PartState {
  epoch: number;
  step: number;
  lossSum: number;
  best: BestEpoch | null;
  bestNumbers: Map<string, HostTensor>;
  /** Optimiser state by input name; empty before the first step. */
  optimiser: Map<string, HostTensor>;
}

export interface PartHost {
  readonly task: Task;
  /** The network as it is; written through `put` only. */
  readonly store: ParameterNumbers;
  /** Replaces a parameter's numbers, and notes that they differ from the fresh network's. */
  put(path: string, tensor: HostTensor): void;
  readonly metrics: MetricsLog;
  readonly emit: Emit;
  /** Writes a checkpoint of the whole run. */
  save(): Promise<void>;
  /** True when a person asked to stop. */
  stopping(): boolean;
}

/** Trains from `state` to the end of the part. Numbers are replaced as it goes. */
export async function trainPart(part: Part, state: PartState, host: PartHost): Promise<void> {
  const { task, store, emit } = host;
  const pause = () => {
    if (host.stopping()) throw new Stopped();
  };
  const { source, scale } = await openSource(part, host, pause);
  const validate = await validator(task, part, store, emit, pause);
  const { session, graph, uniforms } = await openStep(part, host, source, scale);
  const loop = new StepLoop(part, state, host, { source, session, graph, uniforms });
  try {
    await loop.run(validate, pause);
  } finally {
    await source.close();
    await session.close();
    await validate.close();
  }
}

async function openSource(part: Part, host: PartHost, pause: () => void) {
  const { task, store, emit } = host;
  const { stage, settings, examples } = part;
  const { classes } = task.context;
  if (stage.source === 'images') {
    return { source: imageBatches(examples, settings, task.config, classes), scale: 1 };
  }
  const table = await featuresOf(task, stage, store, examples, emit, pause);
  const source = featureBatches(table, examples, settings, task.config.seed, classes);
  return { source, scale: rootMeanSquareNorm(table) };
}

interface Uniform {
  readonly name: string;
  readonly shape: readonly number[];
}

async function openStep(
  part: Part,
  { task, store, emit }: PartHost,
  source: BatchSource,
  scale: number,
) {
  const { stage, settings } = part;
  const uniforms: Uniform[] = [];
  const parameters = new Parameters(stage.trains);
  const fed: Value = input('input', source.shape, stage.source === 'images' ? 'uint8' : 'float32');
  const loss = stage.loss(parameters.root(), {
    input: fed,
    targets: input('targets', [source.batch, task.context.classes]),
    uniforms: (name, shape) => {
      uniforms.push({ name, shape });
      return input(name, shape);
    },
  });
  if (stage.source === 'images') reportMemory(loss, stage.name, source.batch, emit);
  const graph = buildStep({
    loss,
    metrics: {},
    parameters,
    store,
    optimiser: settings.optimiser,
    group: (spec) => groupOf(spec, settings, scale),
    clip: settings.clip > 0 ? settings.clip : undefined,
  });
  const session = await createSession(graph.model.bytes, {
    threads: task.config.threads,
    memoryPattern: false,
  });
  return { session, graph, uniforms };
}

/**
 * Rate and decay of a parameter. A classifier on features of norm s is trained as if they had norm
 * one, W = V / s. With SGD a rate r and decay d for V are r / s^2 and d s^2 for W; AdamW's steps do
 * not depend on the gradient's scale, so there they are r / s and d s.
 */
function groupOf(spec: ParameterSpec, settings: StageSettings, scale: number): GroupRule {
  const inBackbone = spec.path.startsWith('backbone.');
  const factor = inBackbone ? 1 : settings.headFactor;
  if (spec.role !== 'weight') return { rateFactor: factor, decay: 0 };
  const stretch = settings.optimiser.kind === 'adamw' ? scale : scale * scale;
  return { rateFactor: factor / stretch, decay: settings.decay * stretch };
}

interface Machinery {
  readonly source: BatchSource;
  readonly session: Session;
  readonly graph: StepGraph;
  readonly uniforms: readonly Uniform[];
}

/** The loop over epochs and steps. */
class StepLoop {
  readonly #part: Part;
  readonly #state: PartState;
  readonly #host: PartHost;
  readonly #with: Machinery;
  readonly #pace = new Pace();
  #savedAt = performance.now();

  constructor(part: Part, state: PartState, host: PartHost, machinery: Machinery) {
    this.#part = part;
    this.#state = state;
    this.#host = host;
    this.#with = machinery;
    if (state.optimiser.size === 0) state.optimiser = new Map(machinery.graph.initialState);
  }

  async run(
    validate: (store: ParameterNumbers) => Promise<{ top1: number; loss: number } | null>,
    pause: () => void,
  ): Promise<void> {
    const state = this.#state;
    const { epochs } = this.#part.settings;
    while (state.epoch < epochs) {
      while (state.step < this.#with.source.stepsPerEpoch) {
        await this.#step();
        await this.#maybeSave(pause);
      }
      await this.#endEpoch(await validate(this.#host.store));
      // features make for epochs of milliseconds: there the clock decides when to save
      if (this.#part.stage.source === 'images') await this.#save();
      else await this.#maybeSave(pause);
    }
  }

  async #step(): Promise<void> {
    const { source, session, graph, uniforms } = this.#with;
    const { store, task } = this.#host;
    const state = this.#state;
    const { settings, stage } = this.#part;
    const { input: batch, targets } = await source.load(state.epoch, state.step);
    const globalStep = state.epoch * source.stepsPerEpoch + state.step;
    const factor = scheduleFactor(
      settings.schedule,
      globalStep,
      source.stepsPerEpoch,
      settings.epochs,
    );
    const rate = settings.rate * factor;
    const feeds: Record<string, HostTensor> = {
      input: batch,
      targets,
      rate: float32([], [rate]),
      step: float32([], [globalStep + 1]),
    };
    for (const { name, shape } of uniforms) {
      feeds[name] = uniformNumbers(task.config.seed, stage.name, globalStep, name, shape);
    }
    for (const name of graph.carried.keys()) {
      feeds[name] = state.optimiser.get(name) ?? store.get(name)!;
    }
    const out = await session.run(feeds);
    for (const [name, next] of graph.carried) {
      if (state.optimiser.has(name)) state.optimiser.set(name, out[next]);
      else this.#host.put(name, out[next]);
    }
    const loss = Number(out.loss.data[0]);
    mustBeFinite(loss, stage.name, globalStep);
    state.lossSum += loss;
    state.step++;
    await this.#report(globalStep, loss, rate, Number(out.gradientNorm.data[0]));
    await nextTurn(); // lets messages in: run() does not
  }

  async #report(globalStep: number, loss: number, rate: number, norm: number): Promise<void> {
    const { source } = this.#with;
    const { stage, settings, refit } = this.#part;
    const total = settings.epochs * source.stepsPerEpoch;
    const done = globalStep + 1;
    const pace = this.#pace.measure(done, total);
    if (stage.source === 'images') {
      const line = { stage: stage.name, refit, step: globalStep, loss, rate, gradientNorm: norm };
      await this.#host.metrics.append(line);
    } else if (done % 50 !== 0 && done !== total) return;
    const epoch = Math.floor(globalStep / source.stepsPerEpoch) + 1;
    this.#host.emit.progress({
      task: `${refit ? 'refit ' : ''}${stage.name} epoch ${epoch}/${settings.epochs}`,
      done,
      total,
      facts: `loss ${loss.toFixed(3)}`,
      perSecond: pace.perSecond * source.batch,
      secondsLeft: pace.secondsLeft,
    });
  }

  async #endEpoch(result: { top1: number; loss: number } | null): Promise<void> {
    const state = this.#state;
    const { stage, settings, refit } = this.#part;
    const loss = state.lossSum / this.#with.source.stepsPerEpoch;
    state.epoch++;
    state.step = 0;
    state.lossSum = 0;
    if (result !== null && isBetter(result, state.best)) {
      state.best = { epoch: state.epoch, ...result };
      state.bestNumbers = this.#trainedNumbers();
    }
    const facts = {
      stage: stage.name,
      refit,
      epoch: state.epoch,
      epochs: settings.epochs,
      loss,
      valTop1: result?.top1 ?? null,
    };
    await this.#host.metrics.append({ ...facts, valLoss: result?.loss ?? null });
    this.#host.emit.epoch(facts);
  }

  /** The current numbers of everything that this part changes. */
  #trainedNumbers(): Map<string, HostTensor> {
    const { store } = this.#host;
    const paths = [...this.#with.graph.carried.keys()].filter((name) => store.has(name));
    return new Map(paths.map((path) => [path, store.get(path)!]));
  }

  async #maybeSave(pause: () => void): Promise<void> {
    const seconds = (performance.now() - this.#savedAt) / 1000;
    if (this.#host.stopping() || seconds >= this.#host.task.config.checkpointEvery) {
      await this.#save();
    }
    pause();
  }

  async #save(): Promise<void> {
    await this.#host.save();
    this.#savedAt = performance.now();
  }
}

/** Higher accuracy, or the same with a lower loss. */
function isBetter(result: { top1: number; loss: number }, best: BestEpoch | null): boolean {
  if (best === null) return true;
  return result.top1 > best.top1 || (result.top1 === best.top1 && result.loss < best.loss);
}

function mustBeFinite(loss: number, stage: string, step: number): void {
  if (Number.isFinite(loss)) return;
  throw fail('FM_TRAINING', `stage '${stage}', step ${step}`, {
    expected: 'a finite loss',
    got: String(loss),
    next: `Lower the rate (--set stages.${stage}.rate=...) or clip gradients (--set stages.${stage}.clip=1).`,
  });
}
