// A small task for tests of methods: three classes on the tiny network, with trained weights.
import type { Method, MethodContext } from '../../src/methods/method.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';

/** The context of a method with these options, and with changes to all else. */
export function tinyContext<Options>(
  method: Pick<Method<Options>, 'options'>,
  options: object = {},
  changes: Partial<MethodContext> = {},
): MethodContext<Options> {
  return {
    backbone: findBackbone('resnet_tiny'),
    network: publishedNetwork,
    pixels: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    padding: 'torch',
    norms: 'frozen',
    classes: 3,
    pretrained: true,
    ...changes,
    options: method.options.parse(options),
  };
}
