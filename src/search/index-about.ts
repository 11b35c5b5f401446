// What is to be known of an index: what computed its vectors.

import type { Whitening } from './whitening.ts';

/** What computed the vectors: a trained model, or a frozen network that describes by SCDA. */
export type IndexedModel =
  | {
      readonly kind: 'run';
      /** Run folder, as it was given. */
      readonly path: string;
      /** SHA-256 of model.onnx. */
      readonly sha256: string;
    }
  | {
      readonly kind: 'weights';
      /** Weights file, as it was given. */
      readonly path: string;
      /** SHA-256 of the weights file. */
      readonly sha256: string;
      readonly backbone: string;
      /** Side of the square that the network sees, pixels. */
      readonly size: number;
      readonly layers: 1 | 2;
      readonly flip: boolean;
    };

/** What is to be known of an index beside its vectors. */
export interface IndexAbout {
  readonly model: IndexedModel;
  /** What the model's descriptors went through, where they did. */
  readonly whitening?: Whitening;
}
