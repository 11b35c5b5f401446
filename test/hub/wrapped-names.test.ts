// Steps of wrappers in names.
import { expect, test } from 'vitest';
import { unwrapped, withoutWrappers } from '../../src/hub/wrapped-names.ts';

test.each([
  ['module.conv1.weight', 'conv1.weight'],
  ['_orig_mod.module.conv1.weight', 'conv1.weight'],
  ['module.module.module.conv1.weight', 'conv1.weight'],
  ['layer1._orig_mod.0.conv1.weight', 'layer1.0.conv1.weight'],
  ['_fsdp_wrapped_module.layer1._checkpoint_wrapped_module.0.bn1.bias', 'layer1.0.bn1.bias'],
  ['my_module.conv1.weight', 'my_module.conv1.weight'],
  ['modules.conv1.weight', 'modules.conv1.weight'],
  ['module', 'module'],
  ['module.', 'module.'],
])('%s is %s', (name, expected) => {
  expect(withoutWrappers(name)).toBe(expected);
});

test('names that would meet stay as they are', () => {
  expect([
    ...unwrapped(
      new Map([
        ['module.w', 1],
        ['v', 2],
      ]),
    ).keys(),
  ]).toEqual(['w', 'v']);
  expect([
    ...unwrapped(
      new Map([
        ['module.w', 1],
        ['w', 2],
      ]),
    ).keys(),
  ]).toEqual(['module.w', 'w']);
});
