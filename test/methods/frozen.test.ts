// On a network that cannot train, every method offers what trains on features alone.

import { expect, test } from 'vitest';
import { trainedAmong } from '../../src/methods/stage.ts';
import { methods } from '../../src/methods/table.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { imageInput } from '../../src/nn/image-input.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { tinyContext } from '../support/method-context.ts';

test.each(methods)('$name', (method) => {
  const backbone = { ...findBackbone('resnet_tiny'), frozen: true as const };
  const context = tinyContext(method, {}, { backbone });
  const stages = trainedAmong(method.stages(context));
  expect(stages.length).toBeGreaterThan(0);
  for (const stage of stages) {
    const { name } = stage;
    if (stage.source !== 'features') throw new Error(`${name} is on ${stage.source}`);
    expect(stage.features(new Parameters().root(), imageInput(1, 64)).shape[0], name).toBe(1);
  }
});
