// What training tells whoever watches it. Plain data, so that it can cross a process boundary.

import { forReader } from '../core/option-words.ts';
import type { ProgressEvent } from '../core/progress.ts';

/** A phase that diverged, and ended with the network of an epoch before. Plain data. */
export interface Divergence {
  readonly stage: string;
  readonly refit: boolean;
  /** 1-based: in which it diverged. */
  readonly epoch: number;
  /** Of the epoch whose network is kept. */
  readonly kept: number;
  /** All of it in a sentence or two, with what to change. */
  readonly text: string;
}

export interface EpochEvent {
  readonly stage: string;
  readonly refit: boolean;
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  /** Accuracy on the validation images; null without any. */
  readonly valTop1: number | null;
  /** The same of each scale that the network looked at, by name. */
  readonly valScales?: Readonly<Record<string, number>>;
  /** What the stage is judged by, where that is not accuracy. */
  readonly valScore?: { readonly name: string; readonly value: number };
}

export interface TrainSummary {
  readonly folder: string;
  /** Of the epoch that was chosen; null without validation images. */
  readonly valTop1: number | null;
  readonly valSource: string;
  /** The split with photographs that the network was not trained on; null where there is none. */
  readonly evaluateOn: 'test' | 'val' | null;
  readonly temperature: number;
  readonly classes: number;
  readonly trainImages: number;
  /** An epoch of 0: the stage was passed over. */
  readonly stages: readonly { stage: string; epoch: number; top1: number | null }[];
  /** What was found while training, in order: by reviews of the stages, or that one diverged. */
  readonly findings: readonly string[];
  /** Parts that diverged and ended with the network of an epoch before; their texts are findings. */
  readonly diverged: readonly Divergence[];
}

export type TrainEvent =
  | { readonly kind: 'note'; readonly text: string }
  | ({ readonly kind: 'progress' } & ProgressEvent)
  | ({ readonly kind: 'epoch' } & EpochEvent);

/** Sends events. */
export interface Emit {
  note(text: string): void;
  progress(event: ProgressEvent): void;
  epoch(event: EpochEvent): void;
}

export function emitter(send: (event: TrainEvent) => void): Emit {
  return {
    note: (text) => send({ kind: 'note', text: forReader(text) }),
    progress: (event) => send({ kind: 'progress', ...event }),
    epoch: (event) => send({ kind: 'epoch', ...event }),
  };
}
