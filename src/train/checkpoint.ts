// Everything that a run remembers between steps, in one file that is replaced as a whole.

import { access } from 'node:fs/promises';
import type { HostTensor } from '../core/tensor.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import type { Finding } from '../methods/stage.ts';
import type { PlateauState } from '../nn/schedules.ts';
import { damaged } from './damaged.ts';
import type { Divergence } from './events.ts';

/** Where a run stands. Plain JSON; no random state is among it, because there is none. */
export interface Progress {
  /** Of the data and weights (`Task.fingerprint`). */
  readonly fingerprint: string;
  /** Index into the run's plan: which stage, choosing or refitting. */
  readonly part: number;
  /** Epochs finished in this phase. */
  readonly epoch: number;
  /** Steps finished in the epoch under way. */
  readonly step: number;
  /** Sum of the losses of those steps, for the epoch's mean. */
  readonly lossSum: number;
  /** Results of the epochs of this phase. */
  readonly best: BestEpoch | null;
  /** Of the schedule `plateau`, after its first epoch. */
  readonly plateau?: PlateauState;
  /** What each finished phase chose. */
  readonly chosen: readonly ChosenEpoch[];
  /** Phases that diverged; absent where none did. */
  readonly diverged?: readonly Divergence[];
  /** From calibration on the validation images; absent before it. */
  readonly temperature: number | null;
  /** Top-1 of the calibrated network on them; absent before, without any, and in older checkpoints. */
  readonly validationTop1?: number;
  /** Bytes of metrics.jsonl that belong to this state. */
  readonly metricsBytes: number;
  /** Seconds that the run has worked, over all its processes; absent in older checkpoints. */
  readonly seconds?: number;
}

export interface BestEpoch {
  /** 1-based. */
  readonly epoch: number;
  /** Null where the stage is judged by `score`. */
  readonly top1: number | null;
  readonly loss: number;
  /** Top-1 of each scale that the network looked at, by name. */
  readonly scales?: Readonly<Record<string, number>>;
  readonly score?: { readonly name: string; readonly value: number };
}

export interface ChosenEpoch {
  readonly stage: string;
  /** 0 where the stage was passed over. */
  readonly epoch: number;
  /** On the validation images; null without any. */
  readonly top1: number | null;
  readonly loss: number | null;
  /** Under `plateau`: the rate's multiplier in each epoch, which a refit repeats. */
  readonly factors?: readonly number[];
  /** What the stage's review found. */
  readonly finding?: Finding;
}

/** Tensors of a checkpoint, by kind. */
export interface CheckpointTensors {
  /** By path: the network as it trains. */
  readonly parameters: ReadonlyMap<string, HostTensor>;
  /** By input name: optimiser state, and averages where they are kept. */
  readonly optimiser: ReadonlyMap<string, HostTensor>;
  /** By path: the network at its best epoch, averaged where averages are kept; empty before it. */
  readonly best: ReadonlyMap<string, HostTensor>;
}

export interface Checkpoint extends CheckpointTensors {
  readonly progress: Progress;
}

const kinds = ['parameters', 'optimiser', 'best'] as const;
const VERSION = '1';

export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  for (const kind of kinds) {
    for (const [name, tensor] of checkpoint[kind]) tensors.set(`${kind}/${name}`, tensor);
  }
  const metadata = { version: VERSION, progress: JSON.stringify(checkpoint.progress) };
  await writeSafetensors(path, tensors, metadata);
}

/** The last checkpoint, or undefined when none was written yet. */
export async function loadCheckpoint(path: string): Promise<Checkpoint | undefined> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  try {
    const { tensors, metadata } = await readSafetensors(path);
    if (metadata.version !== VERSION) throw new Error(`version ${metadata.version}`);
    const of = (kind: string) =>
      new Map(
        [...tensors].flatMap(([name, tensor]) =>
          name.startsWith(`${kind}/`) ? [[name.slice(kind.length + 1), tensor] as const] : [],
        ),
      );
    return {
      progress: JSON.parse(metadata.progress) as Progress,
      parameters: of('parameters'),
      optimiser: of('optimiser'),
      best: of('best'),
    };
  } catch (cause) {
    throw damaged('FM_CHECKPOINT', path, 'a whole checkpoint', cause);
  }
}
