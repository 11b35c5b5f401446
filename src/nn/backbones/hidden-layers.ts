// The fully-connected layers between the map and the classifier of AlexNet and VGG.

import { reshape } from '../../graph/ops/movement.ts';
import { globalAveragePool } from '../../graph/ops/pool.ts';
import { relu } from '../../graph/ops/unary.ts';
import type { Value } from '../../graph/value.ts';
import { normal } from '../initialisers.ts';
import { type BuildOptions, linear } from '../layers.ts';
import { adaptiveAveragePool } from '../pooling.ts';
import type { Scope } from '../scope.ts';

export interface HiddenLayers {
  /** Cells a side that the first layer was made for: 6 for AlexNet, 7 for VGG. */
  readonly grid: number;
  /** Names of the layers below `classifier`. */
  readonly layers: readonly [string, string];
  /** Whether dropout comes before the layers (AlexNet) or behind them (VGG). */
  readonly dropout: 'before' | 'behind';
}

const UNITS = 4096;

/**
 * The features of the last hidden layer, [N, 4096]. The map may be of any size: it is averaged to
 * the grid, as torchvision does. With `pooling: 'average'` there are no hidden layers, and the
 * average of `map` is returned, [N, C].
 */
export function hiddenFeatures(
  scope: Scope,
  map: Value,
  pooled: Value,
  { grid, layers, dropout }: HiddenLayers,
  build: BuildOptions,
): Value {
  if (build.pooling === 'average') return globalAveragePool(map);
  const cells = adaptiveAveragePool(pooled, grid);
  let x = reshape(cells, [cells.shape[0], cells.shape[1] * grid * grid]);
  const drop = (value: Value, name: string) => build.dropout?.(value, name) ?? value;
  for (const name of layers) {
    if (dropout === 'before') x = drop(x, name);
    x = relu(linear(scope.child(`classifier.${name}`), x, UNITS, normal(0.01)));
    if (dropout === 'behind') x = drop(x, name);
  }
  return x;
}
