// Every backbone there is.

import { fail } from '../../core/errors.ts';
import { alexnet, vggM } from './alexnet.ts';
import type { Backbone } from './backbone.ts';
import { densenet121, densenet161, densenet169, densenet201 } from './densenet.ts';
import { googlenet } from './googlenet.ts';
import { mobilenetV2, mobilenetV2Widths } from './mobilenet-v2.ts';
import {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnetTiny,
  seresnet50,
  seresnet101,
} from './resnet.ts';
import { senet154 } from './senet.ts';
import { vgg11, vgg11bn, vgg13, vgg13bn, vgg16, vgg16bn, vgg19, vgg19bn } from './vgg.ts';

export const backbones: readonly Backbone[] = [
  alexnet,
  vggM,
  vgg11,
  vgg11bn,
  vgg13,
  vgg13bn,
  vgg16,
  vgg16bn,
  vgg19,
  vgg19bn,
  googlenet,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  densenet121,
  densenet161,
  densenet169,
  densenet201,
  seresnet50,
  seresnet101,
  senet154,
  mobilenetV2,
  ...mobilenetV2Widths,
  resnetTiny,
];

/** The backbone of that name; an unknown name lists those there are. */
export function findBackbone(name: string): Backbone {
  const found = backbones.find((backbone) => backbone.name === name);
  if (found !== undefined) return found;
  throw fail('FM_USAGE', `backbone '${name}'`, {
    expected: `one of ${backbones.map((b) => b.name).join(', ')}`,
    got: `'${name}'`,
    next: "Run 'fieldmark backbones' for the list; 'onnx:FILE' takes a network from an ONNX file.",
  });
}
