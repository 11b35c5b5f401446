// Scopes hand out parameters by path. A scope knows shapes, roles and initialisers; the numbers
// themselves live in a ParameterStore, so that fresh and loaded networks are the same code.

import { type RandomStream, randomStream } from '../core/random.ts';
import { type Shape, sameShape, showShape } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import { parameter } from '../graph/ops/leaf.ts';
import { graphError } from '../graph/tensor-type.ts';
import type { Value } from '../graph/value.ts';

/** What a parameter does, which decides weight decay and whether it can be trained at all. */
export type ParameterRole = 'weight' | 'bias' | 'normScale' | 'normShift' | 'statistic';

/** Draws the first numbers of a parameter from a stream of its own. */
export type Initialiser = (shape: Shape, stream: RandomStream) => HostTensor<'float32'>;

export interface ParameterSpec {
  /** Dotted path from the root: `backbone.layer1.0.conv1.weight`. */
  readonly path: string;
  readonly shape: Shape;
  readonly role: ParameterRole;
  readonly initialiser: Initialiser;
  /** False for statistics and for what the stage freezes. */
  readonly trainable: boolean;
}

/** Numbers of parameters, by path. */
export type ParameterStore = Map<string, HostTensor>;

/** The same, for those who only read. */
export type ParameterNumbers = ReadonlyMap<string, HostTensor>;

/** All parameters of a graph under construction, and the statistics that its step updates. */
export class Parameters {
  readonly specs: Map<string, ParameterSpec> = new Map();
  /** New values of statistics, computed by the training step: path to value. */
  readonly updates: Map<string, Value> = new Map();
  readonly #values = new Map<string, Value>();
  readonly #trains: (path: string) => boolean;

  /** `trains` says which paths the stage trains; statistics never are. */
  constructor(trains: (path: string) => boolean = () => true) {
    this.#trains = trains;
  }

  /** The value at a path; asking again gives the same value, so weights can be shared. */
  get(path: string, shape: Shape, role: ParameterRole, initialiser: Initialiser): Value {
    const known = this.#values.get(path);
    if (known !== undefined) {
      if (!sameShape(known.shape, shape)) {
        throw graphError(`parameter ${path}`, showShape(known.shape), showShape(shape));
      }
      return known;
    }
    const trainable = role !== 'statistic' && this.#trains(path);
    const value = parameter({ path, type: { shape, dtype: 'float32' }, trainable });
    this.#values.set(path, value);
    this.specs.set(path, { path, shape, role, initialiser, trainable });
    return value;
  }

  /** The trainable parameters' values, in the order in which they were asked for. */
  trainable(): { spec: ParameterSpec; value: Value }[] {
    return [...this.specs.values()]
      .filter((spec) => spec.trainable)
      .map((spec) => ({ spec, value: this.#values.get(spec.path)! }));
  }

  root(): Scope {
    return new Scope(this, '');
  }
}

/** A place in the tree of parameters. */
export class Scope {
  readonly parameters: Parameters;
  readonly #prefix: string;

  constructor(parameters: Parameters, prefix: string) {
    this.parameters = parameters;
    this.#prefix = prefix;
  }

  /** The scope one or more steps down: `scope.child('layer1.0')`. */
  child(name: string): Scope {
    return new Scope(this.parameters, this.pathOf(name));
  }

  pathOf(name: string): string {
    return this.#prefix === '' ? name : `${this.#prefix}.${name}`;
  }

  parameter(name: string, shape: Shape, role: ParameterRole, initialiser: Initialiser): Value {
    return this.parameters.get(this.pathOf(name), shape, role, initialiser);
  }

  /** The new value of a statistic as recorded so far. */
  updated(name: string): Value | undefined {
    return this.parameters.updates.get(this.pathOf(name));
  }

  /** Records the new value of a statistic that the training step computes. */
  update(name: string, value: Value): void {
    this.parameters.updates.set(this.pathOf(name), value);
  }
}

/** Fills the store with first numbers for every parameter that it lacks. Keyed by path and seed. */
export function initialise(parameters: Parameters, store: ParameterStore, seed: number): string[] {
  const fresh: string[] = [];
  for (const { path, shape, initialiser } of parameters.specs.values()) {
    if (store.has(path)) continue;
    store.set(path, initialiser(shape, randomStream(seed, 'initialise', path)));
    fresh.push(path);
  }
  return fresh;
}
