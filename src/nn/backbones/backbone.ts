// The surface that every backbone shows: an image in, named feature maps out.

import type { Value } from '../../graph/value.ts';
import type { BuildOptions } from '../layers.ts';
import type { Scope } from '../scope.ts';
import type { NameScheme } from './foreign-names.ts';

/** A feature map on the way: `stride` input pixels per cell. */
export interface FeatureLevel {
  readonly name: string;
  /** [N, channels, H / stride, W / stride] */
  readonly value: Value;
  readonly stride: number;
}

export interface Features {
  /** From fine to coarse; the last is the final map. */
  readonly levels: readonly FeatureLevel[];
  /** The last convolutional map, [N, C, h, w]. */
  readonly map: Value;
  /** The map that descriptors of places are taken from, where the last one is not the best for it. */
  readonly descriptors?: Value;
  /** What the classifier sees, [N, D]: most often the average of the map, [N, C]. */
  readonly pooled: Value;
  /**
   * Classifiers on inner maps that help training and are left out afterwards: logits [N, classes]
   * of each, with parameters below `side`. Only GoogLeNet has them.
   */
  readonly auxiliaries?: (side: Scope, classes: number) => Value[];
}

/** How a network is used, beyond its weights; `--set network.<field>=...`. */
export interface NetworkOptions extends Required<Pick<BuildOptions, 'lastStage' | 'pooling'>> {
  /** Levels of the network, counted from the image, whose parameters and statistics do not change. */
  readonly freeze: number;
}

/** Where the parameters of a method's second backbone are. */
export const SECOND_BACKBONE = 'backbone2';

/** Whether a parameter belongs to a backbone, the first or the second, and not to what a method adds. */
export function isInBackbone(path: string): boolean {
  return path.startsWith('backbone.') || path.startsWith(`${SECOND_BACKBONE}.`);
}

/** The network as it was published, all of it trained. */
export const publishedNetwork: NetworkOptions = {
  lastStage: 'stride',
  pooling: 'network',
  freeze: 0,
};

export interface Backbone {
  /** As on the command line: `mobilenet_v2`. */
  readonly name: string;
  /** Paper and year. */
  readonly citation: string;
  /** Where torchvision keeps the classifier: `fc`. */
  readonly headPath: string;
  /** Parameters in millions with 1000 classes, as published. */
  readonly millionParameters: number;
  /** Dropout before the classifier in training, torchvision's default. */
  readonly dropout: number;
  /** Names of other libraries, the classifier's included. */
  readonly foreignNames?: readonly NameScheme[];
  /** Epsilon of its norms, where that is not 1e-5. */
  readonly normEpsilon?: number;
  /** The network came whole, and nothing of it trains: it has no parameters. */
  readonly frozen?: true;
  /** image [N, 3, H, W], already normalised. */
  features(scope: Scope, image: Value, options: BuildOptions): Features;
}
