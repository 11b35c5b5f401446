// Every backbone there is.

import { fail } from '../../core/errors.ts';
import type { Backbone } from './backbone.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import { resnet18, resnet34, resnet50, resnetTiny } from './resnet.ts';

export const backbones: readonly Backbone[] = [
  mobilenetV2,
  resnet18,
  resnet34,
  resnet50,
  resnetTiny,
];

/** The backbone of that name; an unknown name lists those there are. */
export function findBackbone(name: string): Backbone {
  const found = backbones.find((backbone) => backbone.name === name);
  if (found !== undefined) return found;
  throw fail('FM_USAGE', `backbone '${name}'`, {
    expected: `one of ${backbones.map((b) => b.name).join(', ')}`,
    got: `'${name}'`,
    next: "Run 'fieldmark backbones' for the list.",
  });
}
