// All that a network asks a file of weights for.

import { input } from '../graph/ops/leaf.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import { linear } from '../nn/layers.ts';
import { Parameters } from '../nn/scope.ts';
import type { Asked } from './naming.ts';

/** No parameter depends on it. */
const SIZE = 224;

/** Where the network is in the tree of parameters. */
export const BACKBONE = 'backbone';

/** All parameters of a network with a classifier, below `backbone.` and `head.`. */
export function networkParameters(backbone: Backbone, classes: number): Parameters {
  const parameters = new Parameters();
  const root = parameters.root();
  const image = input('image', [1, 3, SIZE, SIZE]);
  const build = { norms: 'frozen', padding: 'torch' } as const;
  linear(root.child('head'), backbone.features(root.child(BACKBONE), image, build).pooled, classes);
  return parameters;
}

/** Those below a root, by their names there. */
export function askedBelow({ specs }: Parameters, root: string): Asked[] {
  return [...specs.values()]
    .filter(({ path }) => path.startsWith(`${root}.`))
    .map(({ path, shape }) => ({ name: path.slice(root.length + 1), shape }));
}
