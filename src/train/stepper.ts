// Training steps on the engine: one pass, or several whose gradients are added up, and an update.

import { type Shape, sizeOf } from '../core/shape.ts';
import { float32, type HostTensor, hostTensor } from '../core/tensor.ts';
import { createSession } from '../runtime/node.ts';
import type { Device, Session } from '../runtime/session.ts';
import {
  createTrainingState,
  type TrainingState,
  wantsNoArena,
} from '../runtime/training-state.ts';
import type { StepInput } from './batches.ts';
import {
  buildAccumulatedStep,
  buildStep,
  metricOutput,
  type StepGraph,
  type StepGraphOptions,
} from './step-graph.ts';

/** Random numbers that a pass is fed, by the name of the input. */
export interface Uniform {
  readonly name: string;
  readonly shape: Shape;
}

export interface StepperOptions {
  readonly graph: StepGraphOptions;
  /** Passes over parts of a batch, whose mean gradient makes one update. */
  readonly passes: number;
  readonly uniforms: readonly Uniform[];
  readonly threads: number | undefined;
  readonly device?: Device;
}

/** What one step is fed. */
export interface StepFeeds extends StepInput {
  readonly rate: number;
  /** 1-based number of the step. */
  readonly number: number;
  /** Share of the stage's steps that lie behind this one. */
  readonly progress: number;
  /** Uniform numbers in [0, 1) for an input. */
  readonly draw: (name: string, shape: Shape) => HostTensor;
}

/** What is known after a step: means over its passes. */
export interface StepResult {
  readonly loss: number;
  /** Of the mean gradient, before clipping. */
  readonly gradientNorm: number;
  /** By name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Numbers after a step, not to be written to. */
export interface StepNumbers {
  /** Parameters and statistics by path. */
  readonly parameters: Map<string, HostTensor>;
  /** Optimiser state and averages by input name. */
  readonly optimiser: Map<string, HostTensor>;
}

/** Index of the program that updates, where it is not the only one. */
const UPDATE = 1;

/** The sessions of a step, and the state that they hand on. */
export class Stepper {
  /** Paths of the parameters and statistics that steps change. */
  readonly paths: readonly string[];
  readonly #optimiser: readonly string[];
  readonly #sessions: readonly Session[];
  readonly #state: TrainingState;
  readonly #passes: number;
  readonly #uniforms: readonly Uniform[];
  readonly #metrics: readonly string[];

  private constructor(
    names: Pick<Stepper, 'paths'> & { readonly optimiser: readonly string[] },
    sessions: readonly Session[],
    state: TrainingState,
    { passes, uniforms, graph }: StepperOptions,
  ) {
    this.paths = names.paths;
    this.#optimiser = names.optimiser;
    this.#sessions = sessions;
    this.#state = state;
    this.#passes = passes;
    this.#uniforms = uniforms;
    this.#metrics = Object.keys(graph.metrics ?? {});
  }

  /**
   * Builds the graphs and loads them. `numbersOf` gives the numbers of a carried tensor; where it
   * has none, the graph's first numbers are used.
   */
  static async open(
    options: StepperOptions,
    numbersOf: (name: string) => HostTensor | undefined,
  ): Promise<Stepper> {
    const graphs = buildGraphs(options);
    const carried = new Set(graphs.flatMap((graph) => [...graph.carried.keys()]));
    const first = new Map(graphs.flatMap(({ initialState }) => [...initialState]));
    const numbers = new Map(
      [...carried].map((name) => [name, numbersOf(name) ?? first.get(name)!]),
    );
    const names = {
      paths: [...carried].filter((name) => !first.has(name)),
      // of several graphs the last one updates; what the other one adds up starts anew in each step
      optimiser: [...graphs[graphs.length - 1].initialState.keys()],
    };
    const sessions: Session[] = [];
    try {
      for (const { model, carried } of graphs) {
        const { threads, device } = options;
        const keep = device === 'webgpu' ? [...carried.values()] : [];
        const arena = !wantsNoArena(numbers.values());
        const settings = { threads, device, keep, arena, memoryPattern: false, spin: false };
        sessions.push(await createSession(model.bytes, settings));
      }
    } catch (cause) {
      await closeAll(sessions);
      throw cause;
    }
    const programs = graphs.map(({ carried, model }, i) => {
      return { session: sessions[i], carried, layouts: model.layouts };
    });
    return new Stepper(names, sessions, createTrainingState(programs, numbers), options);
  }

  async step(feeds: StepFeeds): Promise<StepResult> {
    const scalars = { rate: float32([], [feeds.rate]), step: float32([], [feeds.number]) };
    const draws = this.#uniforms.map(({ name, shape }) => ({
      name,
      numbers: feeds.draw(name, [this.#passes, ...shape]),
      shape,
    }));
    const passFeeds = (pass: number): Record<string, HostTensor> => ({
      input: share(feeds.input, pass, this.#passes),
      ...mapValues(feeds.fields, (field) => share(field, pass, this.#passes)),
      progress: float32([], [feeds.progress]),
      ...Object.fromEntries(draws.map((d) => [d.name, section(d.numbers, d.shape, pass)])),
    });
    const passes: Record<string, HostTensor>[] = [];
    for (let pass = 0; pass < this.#passes; pass++) {
      const more = this.#passes === 1 ? scalars : { pass: float32([], [pass]) };
      passes.push(await this.#state.run({ ...passFeeds(pass), ...more }));
    }
    const last = this.#passes === 1 ? passes[0] : await this.#state.run(scalars, UPDATE);
    const meanOf = (name: string) =>
      passes.reduce((sum, out) => sum + numberOf(out[name]) / passes.length, 0);
    const metrics = Object.fromEntries(
      this.#metrics.map((name) => [name, meanOf(metricOutput(name))]),
    );
    return { loss: meanOf('loss'), gradientNorm: numberOf(last.gradientNorm), metrics };
  }

  async read(): Promise<StepNumbers> {
    const numbers = await this.#state.read();
    const those = (names: readonly string[]) =>
      new Map(names.map((name) => [name, numbers.get(name)!]));
    return { parameters: those(this.paths), optimiser: those(this.#optimiser) };
  }

  async close(): Promise<void> {
    await this.#state.close();
    await closeAll(this.#sessions);
  }
}

function buildGraphs({ graph, passes }: StepperOptions): readonly StepGraph[] {
  if (passes === 1) return [buildStep(graph)];
  const { pass, update } = buildAccumulatedStep(graph, passes);
  return [pass, update];
}

async function closeAll(sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) await session.close();
}

function mapValues<T, U>(of: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value)]));
}

/** The rows of a batch that a pass takes; scalars are every pass's. */
function share(batch: HostTensor, pass: number, passes: number): HostTensor {
  if (batch.shape.length === 0) return batch;
  const [rows, ...rest] = batch.shape;
  return section(batch, [rows / passes, ...rest], pass);
}

/** A tensor cut along its first axis: the piece of that shape and number, without a copy. */
function section(tensor: HostTensor, shape: Shape, index: number): HostTensor {
  const size = sizeOf(shape);
  const data = tensor.data.subarray(index * size, (index + 1) * size) as never;
  return hostTensor(tensor.dtype, shape, data);
}

function numberOf({ data }: HostTensor): number {
  return Number(data[0]);
}
