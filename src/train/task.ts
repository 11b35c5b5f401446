// What a run trains on and what it trains: its images in splits, its method, its network.

import type { Dataset, Example } from '../core/example.ts';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import type { Trunk } from '../hub/onnx-trunk.ts';
import type { LoadedWeights } from '../hub/weights.ts';
import type { Method, MethodContext } from '../methods/method.ts';
import type { ParameterStore } from '../nn/scope.ts';
import type { RunConfig } from './config.ts';
import type { ImageHashes } from './task-images.ts';

export interface Task {
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly train: readonly Example[];
  readonly val: readonly Example[];
  readonly valSource: 'official' | 'held-out' | 'none';
  readonly hashes: ImageHashes;
  /** Changes when an image, a label, a split, the hierarchy or an attribute does. */
  readonly fingerprint: string;
  readonly method: Method;
  readonly context: MethodContext;
  readonly geometry: EvaluationGeometry;
  readonly weights: LoadedWeights | undefined;
  /** The network, where it came whole. */
  readonly trunk: Trunk | undefined;
  /** Of a second network. */
  readonly second: LoadedWeights | undefined;
  /**
   * Statistics that a method drew, by path: hash tables. What is trained means nothing without them,
   * so they stay with it even where a later version would draw others.
   */
  readonly tables: readonly string[];
  /** The network's numbers before any training. */
  freshStore(): ParameterStore;
}
