// One training step as one graph: forward, backward and update. Parameters and optimiser state
// go in and come out; nothing else is remembered between steps.

import { sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { gradients } from '../graph/autodiff.ts';
import { type LoweredModel, lower } from '../graph/lower.ts';
import { mul } from '../graph/ops/arithmetic.ts';
import { input } from '../graph/ops/leaf.ts';
import type { Value } from '../graph/value.ts';
import {
  clipByGlobalNorm,
  globalNorm,
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
  /** Further values to hand back from each step, by name. */
  readonly metrics: Readonly<Record<string, Value>>;
  readonly parameters: Parameters;
  /** Numbers of parameters that do not train; they become constants. */
  readonly store: ParameterNumbers;
  readonly optimiser: OptimiserOptions;
  readonly group: (spec: ParameterSpec) => GroupRule;
  /** Largest common l2 norm of the gradients; no limit when absent. */
  readonly clip?: number;
}

/** A training step, lowered, with the names that carry its state. */
export interface StepGraph {
  readonly model: LoweredModel;
  /** Input name to output name, for everything that is fed back. */
  readonly carried: ReadonlyMap<string, string>;
  /** Optimiser state at the start: zeros. */
  readonly initialState: ReadonlyMap<string, HostTensor>;
}

/** Name of an optimiser state tensor: `optimiser.momentum:backbone.conv1.weight`. */
function stateInput(kind: string, path: string): string {
  return `optimiser.${kind}:${path}`;
}

/** Builds and lowers the step. Outputs `loss`, `gradientNorm`, the metrics, and the new state. */
export function buildStep(options: StepGraphOptions): StepGraph {
  const { loss, parameters, optimiser, group, clip } = options;
  const trained = parameters.trainable();
  const raw = gradients(
    loss,
    trained.map(({ value }) => value),
  );
  const { gradients: clipped, norm } =
    clip === undefined ? { gradients: raw, norm: globalNorm(raw) } : clipByGlobalNorm(raw, clip);
  const rate = input('rate', []);
  const step = input('step', []);
  const outputs: Record<string, Value> = { loss, gradientNorm: norm, ...options.metrics };
  const carried = new Map<string, string>();
  const initialState = new Map<string, HostTensor>();

  trained.forEach(({ spec, value }, i) => {
    const { rateFactor, decay } = group(spec);
    const names = stateNames(optimiser);
    const state = names.map((kind) => input(stateInput(kind, spec.path), spec.shape));
    const update = optimiserUpdate(optimiser, {
      parameter: value,
      gradient: clipped[i],
      state,
      rate: rateFactor === 1 ? rate : mul(rate, rateFactor),
      decay,
      step,
    });
    const carry = (name: string, next: Value) => {
      outputs[`next:${name}`] = next;
      carried.set(name, `next:${name}`);
    };
    carry(spec.path, update.parameter);
    names.forEach((kind, k) => {
      const name = stateInput(kind, spec.path);
      carry(name, update.state[k]);
      initialState.set(name, float32(spec.shape, new Float32Array(sizeOf(spec.shape))));
    });
  });
  for (const [path, next] of parameters.updates) {
    outputs[`next:${path}`] = next;
    carried.set(path, `next:${path}`);
  }
  const model = lower(outputs, {
    constants: (path) => (carried.has(path) ? undefined : options.store.get(path)),
  });
  return { model, carried, initialState };
}
