// Cards of a report: what stands beside a picture of which the network sees too little.

import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Example } from '../../src/core/example.ts';
import { openDataset } from '../../src/data/datasets/table.ts';
import { galleryGrid, galleryItem } from '../../src/evaluate/gallery.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
let photo: Example;

beforeAll(async () => {
  await trainHere(world.data, place('cropped'), { epochs: 1 });
  await trainHere(world.data, place('squashed'), { epochs: 1, view: 'squash' });
  [photo] = (await openDataset(world.data)).examples;
});

test.each([
  ['an object beyond the centre crop is told, with the way out', 'cropped', [0, 0, 3, 48], true],
  ['one within it is not', 'cropped', [10, 10, 20, 20], false],
  ['a model that sees whole photographs cuts nothing', 'squashed', [0, 0, 3, 48], false],
] as const)('%s', async (_, run, box, told) => {
  const recogniser = await loadRecogniser(place(run));
  const { id, path } = photo;
  const card = await galleryItem(recogniser, { id, path, truth: 'a', box }).finally(() =>
    recogniser.close(),
  );
  expect(card.cut === undefined, card.cut).toBe(!told);
  expect(galleryGrid([card]).text.includes('view=squash')).toBe(told);
});
