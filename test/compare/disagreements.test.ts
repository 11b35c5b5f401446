// What is shown of an image is what was scored: models of boxes look within them.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explainDisagreements } from '../../src/compare/disagreements.ts';
import { compareRuns } from '../../src/compare/side-by-side.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();

test('answers within boxes are shown as they were scored, beside one of whole images', async () => {
  const boxed = join(world.folder, 'boxed');
  const whole = join(world.folder, 'whole');
  await trainHere(world.data, boxed, { epochs: 1, within: 'box' });
  await trainHere(world.data, whole, { epochs: 1 });
  const { answered, folderOf } = await compareRuns({
    runs: [boxed, whole],
    split: 'test',
    workers: 0,
  });
  const images = [0, 5, 11];
  const shown = await explainDisagreements(answered, images, folderOf);
  shown.forEach(({ id, items }, i) => {
    expect(id).toBe(answered.ids[images[i]]);
    items.forEach(({ answers: [{ name, confidence }] }, c) => {
      const [{ answers, confidences }] = answered.contestants[c].repetitions;
      expect(name).toBe(answered.classes[answers[images[i]]]);
      expect([confidence]).toBeAllClose([confidences[images[i]]], { rtol: 1e-4 });
    });
  });
});
