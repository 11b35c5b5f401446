// One training step as one graph: forward, backward and update. Or, where a batch is taken in
// several passes, as two: one adds a pass's gradients up, one updates. What is carried goes in and
// comes out; nothing else is remembered between steps.

import { type HostTensor, zeros } from '../core/tensor.ts';
import { gradients } from '../graph/autodiff.ts';
import { lower } from '../graph/lower.ts';
import type { LoweredModel, Lowering } from '../graph/lowered.ts';
import { add, mul } from '../graph/ops/arithmetic.ts';
import { greater, where } from '../graph/ops/compare.ts';
import { input } from '../graph/ops/leaf.ts';
import type { Value } from '../graph/value.ts';
import {
  clipByGlobalNorm,
  globalNorm,
  movingAverage,
  type OptimiserOptions,
  optimiserUpdate,
  stateNames,
} from '../nn/optimisers.ts';
import type { ParameterNumbers, ParameterSpec, Parameters } from '../nn/scope.ts';

/** Rate and decay of one parameter, relative to the stage's own. */
export interface GroupRule {
  readonly rateFactor: number;
  readonly decay: number;
}

export interface StepGraphOptions {
  readonly loss: Value;
  /** Scalars that are returned beside the loss. */
  readonly metrics?: Readonly<Record<string, Value>>;
  readonly parameters: Parameters;
  /** First numbers of averages, and numbers of what does not change: those become constants. */
  readonly store: ParameterNumbers;
  readonly optimiser: OptimiserOptions;
  readonly group: (spec: ParameterSpec) => GroupRule;
  /** Largest common l2 norm of the gradients; no limit when absent. */
  readonly clip?: number;
  /** Decay of the moving averages of everything that changes; none when absent or 0. */
  readonly ema?: number;
  /** `portable` when absent. */
  readonly lowering?: Lowering;
}

/** A graph of a training step, lowered, with the names that carry its state. */
export interface StepGraph {
  readonly model: LoweredModel;
  /** Input name to output name, for everything that is fed back. */
  readonly carried: ReadonlyMap<string, string>;
  /** First numbers of what is carried besides parameters and statistics. */
  readonly initialState: ReadonlyMap<string, HostTensor>;
}

/** Name of an optimiser state tensor: `optimiser.momentum:backbone.conv1.weight`. */
function stateInput(kind: string, path: string): string {
  return `optimiser.${kind}:${path}`;
}

/** Name of the moving average of a parameter or statistic. */
export function averageInput(path: string): string {
  return `average:${path}`;
}

/** Name of the sum of a parameter's gradients over the passes of a step. */
function gradientInput(path: string): string {
  return `gradient:${path}`;
}

/** Name of the output of a metric. */
export function metricOutput(name: string): string {
  return `metric:${name}`;
}

/** A graph under construction. */
class Draft {
  readonly outputs: Record<string, Value> = {};
  readonly carried = new Map<string, string>();
  readonly initialState = new Map<string, HostTensor>();

  /** What a pass says of itself. */
  report({ loss, metrics = {} }: StepGraphOptions): void {
    this.outputs.loss = loss;
    for (const [name, value] of Object.entries(metrics)) this.outputs[metricOutput(name)] = value;
  }

  /** `next` becomes the input called `name` of the next run. */
  carry(name: string, next: Value, first?: HostTensor): void {
    this.outputs[`next:${name}`] = next;
    this.carried.set(name, `next:${name}`);
    if (first !== undefined) this.initialState.set(name, first);
  }

  /** `settled`: the graph that this one shares carried tensors with. */
  finish({ parameters, store, lowering }: StepGraphOptions, settled?: LoweredModel): StepGraph {
    const trained = parameters.trainable().map(({ spec }) => spec.path);
    const changing = new Set([...trained, ...parameters.updates.keys()]);
    const model = lower(this.outputs, {
      constants: (path) => (changing.has(path) ? undefined : store.get(path)),
      carried: this.carried,
      packed: new Set(trained),
      layouts: settled && new Map(settled.inputs.map((name) => [name, settled.layouts.get(name)])),
      lowering,
    });
    return { model, carried: this.carried, initialState: this.initialState };
  }
}

/**
 * Builds and lowers a step of one pass. Outputs `loss`, `gradientNorm` (before clipping), the
 * metrics, and the new state.
 */
export function buildStep(options: StepGraphOptions): StepGraph {
  const { parameters } = options;
  const draft = new Draft();
  draft.report(options);
  update(draft, options, lossGradients(options), parameters.updates);
  for (const [path, next] of parameters.updates) draft.carry(path, next);
  return draft.finish(options);
}

/**
 * Builds and lowers a step of several passes, whose mean loss is minimised. `pass` takes the number
 * of the pass, from 0, as `pass`, adds its gradients to the sums, moves the statistics on, and
 * outputs `loss` and the metrics. After the last one `update` applies the mean gradient, and outputs
 * `gradientNorm`. The sums start again with pass 0, so they mean nothing between steps.
 */
export function buildAccumulatedStep(
  options: StepGraphOptions,
  passes: number,
): { pass: StepGraph; update: StepGraph } {
  const pass = passGraph(options, passes);
  return { pass, update: updateGraph(options, pass.model) };
}

function passGraph(options: StepGraphOptions, passes: number): StepGraph {
  const { parameters } = options;
  const draft = new Draft();
  draft.report(options);
  const later = greater(input('pass', []), 0);
  const found = lossGradients(options);
  parameters.trainable().forEach(({ spec: { path, shape } }, i) => {
    const sum = input(gradientInput(path), shape);
    const share = mul(found[i], 1 / passes);
    draft.carry(gradientInput(path), where(later, add(sum, share), share), zeros(shape));
  });
  for (const [path, next] of parameters.updates) draft.carry(path, next);
  return draft.finish(options);
}

function updateGraph(options: StepGraphOptions, settled: LoweredModel): StepGraph {
  const { parameters } = options;
  const draft = new Draft();
  const mean = parameters
    .trainable()
    .map(({ spec }) => input(gradientInput(spec.path), spec.shape));
  const statistics = [...parameters.updates.keys()].map((path) => {
    const { shape, role, initialiser } = parameters.specs.get(path)!;
    return [path, parameters.get(path, shape, role, initialiser)] as const;
  });
  update(draft, options, mean, new Map(statistics));
  return draft.finish(options, settled);
}

function lossGradients({ loss, parameters }: StepGraphOptions): Value[] {
  return gradients(
    loss,
    parameters.trainable().map(({ value }) => value),
  );
}

/** Adds clipping, the optimiser, and the averages of its results and of the statistics. */
function update(
  draft: Draft,
  options: StepGraphOptions,
  raw: readonly Value[],
  statistics: ReadonlyMap<string, Value>,
): void {
  const { parameters, optimiser, group, clip, ema = 0, store } = options;
  const { gradients: clipped, norm } =
    clip === undefined ? { gradients: raw, norm: globalNorm(raw) } : clipByGlobalNorm(raw, clip);
  const rate = input('rate', []);
  const step = input('step', []);
  draft.outputs.gradientNorm = norm;
  const average = (path: string, next: Value) => {
    if (ema === 0) return;
    const name = averageInput(path);
    draft.carry(name, movingAverage(input(name, next.shape), next, ema, step), store.get(path)!);
  };
  parameters.trainable().forEach(({ spec, value }, i) => {
    const { rateFactor, decay } = group(spec);
    const names = stateNames(optimiser).map((kind) => stateInput(kind, spec.path));
    const updated = optimiserUpdate(optimiser, {
      parameter: value,
      gradient: clipped[i],
      state: names.map((name) => input(name, spec.shape)),
      rate: rateFactor === 1 ? rate : mul(rate, rateFactor),
      decay,
      step,
    });
    draft.carry(spec.path, updated.parameter);
    names.forEach((name, k) => {
      draft.carry(name, updated.state[k], zeros(spec.shape));
    });
    average(spec.path, updated.parameter);
  });
  for (const [path, next] of statistics) average(path, next);
}
