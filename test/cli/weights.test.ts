// fieldmark weights: what a file holds, names of others, a finished run as a file.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zeros } from '../../src/core/tensor.ts';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts';
import { command } from '../support/command.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);

test('a run becomes a file that says what it is, and starts another run', async () => {
  await trainHere(world.data, place('run'), { epochs: 1 });
  const out = place('run.safetensors');
  const converted = await command('weights', 'convert', place('run'), out, '--json');
  expect(converted.stdout.trim().split('\n')).toHaveLength(1);
  expect(converted.stderr).toMatch(/^.*: \d+ tensors of resnet_tiny by torchvision's names\n$/);
  expect(converted.json).toMatchObject({ backbone: 'resnet_tiny', names: 'torchvision' });
  const { tensors, metadata } = await readSafetensors(out);
  expect(tensors.get('fc.weight')!.shape).toEqual([4, 128]);
  const description = JSON.parse(metadata.fieldmark);
  expect(description).toMatchObject({ backbone: 'resnet_tiny', padding: 'torch', norms: 'train' });
  expect(description.classes).toHaveLength(4);

  const shown = await command('weights', 'show', out, '--json');
  expect(shown.stderr).toMatch(/backbone +resnet_tiny/);
  expect(shown.json).toMatchObject({ description });

  const notes: string[] = [];
  const onEvent = (event: { kind: string; text?: string }) => notes.push(event.text ?? '');
  await trainHere(world.data, place('more'), { weights: out, stages: 'head' }, { onEvent });
  expect(notes.join('\n')).toContain('the classifier is taken over');
});

test('the network of a file that does not say it is found out by its tensors', async () => {
  const from = place('bare.safetensors');
  const { tensors } = await readSafetensors(place('run.safetensors'));
  await writeSafetensors(from, new Map([...tensors].map(([name, t]) => [`module.net.${name}`, t])));
  const shown = await command('weights', 'show', from);
  expect(shown.stdout).toContain('not said; the tensors are those of resnet_tiny');
  const converted = await command('weights', 'convert', from, place('again.safetensors'), '--json');
  expect(converted.json).toMatchObject({ backbone: 'resnet_tiny', tensors: tensors.size });

  const strange = place('strange.safetensors');
  await writeSafetensors(strange, new Map([['cls_token', zeros([1, 1, 192])]]));
  const refused = await command('weights', 'convert', strange, place('none.safetensors'));
  expect(refused.stderr).toMatch(/FM_WEIGHTS: .* got those of a vision transformer/);
  const whose = await command('weights', 'show', strange);
  expect(whose.stdout).toContain('not said; the tensors are those of a vision transformer');
});

test('what cannot be done is one clear error', async () => {
  const fails = async (args: string[], message: RegExp) => {
    const { status, stderr } = await command('weights', ...args);
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('defect');
  };
  await fails(['show', place('none.safetensors')], /FM_FORMAT: .*no file/);
  await fails(['convert', world.data, place('x')], /FM_RUN: .*config\.json|FM_RUN/);
  await fails(['convert', place('none'), place('x')], /FM_FORMAT: .*no file/);
  await fails(['fetch', 'none'], /FM_USAGE: weights fetch: expected a name that leads to a file/);
  await fails(['fetch', 'http://example.invalid/x.pth'], /FM_CONFIG: /);
});
