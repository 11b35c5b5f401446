// What a run says about memory before it begins, and what it refuses there.

import { expect, test } from 'vitest';
import type { Example } from '../../src/core/example.ts';
import type { MethodContext } from '../../src/methods/method.ts';
import { trainedAmong } from '../../src/methods/stage.ts';
import { findMethod } from '../../src/methods/table.ts';
import { publishedNetwork } from '../../src/nn/backbones/backbone.ts';
import { findBackbone } from '../../src/nn/backbones/table.ts';
import { parseConfig } from '../../src/train/config.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { planMemory } from '../../src/train/memory-plan.ts';
import { hasOwnNetwork } from '../../src/train/plan.ts';

const images = (count: number) => new Array<Example>(count);

/** What is said about the stages of a method with `classes` classes of 30 images each. */
function notesOf(name: string, backbone: string, classes: number, free: number): string[] {
  const method = findMethod(name);
  const context: MethodContext = {
    options: method.options.parse({}),
    backbone: findBackbone(backbone),
    network: publishedNetwork,
    pixels: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    padding: 'torch',
    norms: 'frozen',
    classes,
    pretrained: true,
  };
  const train = images(27 * classes);
  const task = {
    context,
    method,
    config: parseConfig({ data: 'x', size: 64 }),
    train,
    val: images(3 * classes),
  };
  const parts = trainedAmong(method.stages(context)).map((stage, at, stages) => {
    const ownNetwork = hasOwnNetwork(stages, at);
    return { stage, settings: stage.settings, examples: train, ownNetwork, refit: false };
  });
  const notes: string[] = [];
  const emit = emitter((event: TrainEvent) => {
    if (event.kind === 'note') notes.push(event.text);
  });
  planMemory(parts, task, emit, free);
  return notes;
}

test('sketches of ten classes are not worth a word', () => {
  const notes = notesOf('compact-bilinear', 'resnet18', 10, 8e9);
  expect(notes.filter((note) => !note.startsWith("stage 'all' at batch 32"))).toEqual([]);
});

// 131328 numbers of 6000 images, held for the training and once more for the validation images;
// 200 rows of them five times over
test('two hundred classes: features and classifier are named', () => {
  expect(notesOf('bilinear', 'resnet18', 200, 64e9)[0]).toBe(
    "stage 'head' needs about 7.2 GB of memory: 6.3 GB of cached features, 0.5 GB of parameters with their optimiser state",
  );
});

// descriptors of the network that was trained are not on disk, and held once
test('the third step is named, and what there is instead of it', () => {
  expect(notesOf('bilinear', 'resnet18', 200, 64e9).at(-1)).toMatch(
    /^stage 'classifier' needs about 4\.. GB of memory: 3\.2 GB of cached features, 0\.5 GB/,
  );
});

// 2048 * 2049 / 2 numbers for each of 200 classes, five times over: 8.4 GB
test('a classifier that cannot fit is refused, and the error says what would', () => {
  expect(() => notesOf('bilinear', 'resnet50', 200, 8e9)).toThrowError(
    "memory of the stage 'head': expected at most the 8.0 GB that are free, got 8.4 GB of parameters with their optimiser state and 0.4 GB of cached features. Take --method compact-bilinear, or a --backbone with fewer channels.",
  );
  expect(() => notesOf('compact-bilinear', 'resnet50', 200, 8e9)).not.toThrow();
});
