// One phase of a run: a stage trained over some images. What is told of it and where it stands.

import type { Example } from '../core/example.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { TrainedStage } from '../methods/stage.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import type { PlateauState } from '../nn/schedules.ts';
import type { ParameterNumbers } from '../nn/scope.ts';
import type { BestEpoch } from './checkpoint.ts';
import type { Emit } from './events.ts';
import type { MetricsLog } from './metrics-log.ts';
import type { Task } from './task.ts';

/** Thrown when a person asked to stop. The trainer writes a checkpoint before it goes further. */
export class Stopped extends Error {}

export interface Phase {
  readonly stage: TrainedStage;
  readonly settings: StageSettings;
  readonly examples: readonly Example[];
  /** An earlier phase has trained on images, so that the network is this run's own. */
  readonly ownNetwork: boolean;
  /** Trains on train and validation together, with no choice to make. */
  readonly refit: boolean;
  /** In a refit under `plateau`: multipliers of the rate in each epoch, found before. */
  readonly factors?: readonly number[];
}

/** Where a phase stands; written to checkpoints, mutated as it goes. */
export interface PhaseState {
  epoch: number;
  step: number;
  lossSum: number;
  best: BestEpoch | null;
  bestNumbers: Map<string, HostTensor>;
  /** Of the schedule `plateau`; null under the others, and before the first epoch's end. */
  plateau: PlateauState | null;
  /** Optimiser state and averages by input name; empty before the first step. */
  optimiser: Map<string, HostTensor>;
}

export interface PhaseHost {
  readonly task: Task;
  /**
   * The network as it is; written through `put` and `drop` only. While steps run it lacks what they
   * carry: it is complete before validation, checkpoints and the end of the phase.
   */
  readonly store: ParameterNumbers;
  /** Replaces a parameter's numbers, and notes that they differ from the fresh network's. */
  put(path: string, tensor: HostTensor): void;
  /** Lets go of numbers that a step is about to replace, until they are `put` again. */
  drop(path: string): void;
  readonly metrics: MetricsLog;
  readonly emit: Emit;
  /** Writes a checkpoint of the whole run. */
  save(): Promise<void>;
  /** True when a person asked to stop. */
  stopping(): boolean;
}
