// What the training process and its parent say to each other.

import type { ErrorCode } from '../core/errors.ts';
import type { TrainEvent, TrainSummary } from './events.ts';
import type { TrainJob } from './trainer.ts';

export type ToTrainer =
  | { readonly kind: 'start'; readonly job: TrainJob }
  | { readonly kind: 'stop' };

export type FromTrainer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'event'; readonly event: TrainEvent }
  | { readonly kind: 'done'; readonly summary: TrainSummary }
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** Absent for a defect of ours. */
      readonly code?: ErrorCode;
      readonly stack?: string;
    };
