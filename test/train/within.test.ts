// Training and scoring within annotated boxes: what is seen, what is remembered, what is refused.
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/data/datasets/table.ts';
import { decodeImage, encodePng } from '../../src/data/image/decode.ts';
import { preprocessImage } from '../../src/data/image/preprocess.ts';
import { evaluateModel } from '../../src/evaluate/evaluate.ts';
import { networkSettings } from '../../src/methods/settings.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { imageBatches } from '../../src/train/batches.ts';
import { parseConfig, stageSettings } from '../../src/train/config.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import { saveBackbone, tinySettings, tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);

test('a training view shows the box alone', async () => {
  const { examples } = await openDataset(world.data);
  const config = parseConfig({ ...tinySettings, data: world.data, within: 'box', view: 'squash' });
  // the whole box, neither mirrored nor jittered
  const augment = { scale: [1, 1], ratio: [1, 1], flip: 0, jitter: 0 } as const;
  const settings = stageSettings('all', networkSettings(false), { augment, batch: 4 });
  const source = imageBatches({ examples, settings: { ...settings, epochs: 1 }, config });
  const seen = (await source.load(0, 0)).input.data;
  const boxless = { ...config, within: 'image' } as const;
  const whole = imageBatches({ examples, settings: { ...settings, epochs: 1 }, config: boxless });
  const other = (await whole.load(0, 0)).input.data;
  await source.close();
  await whole.close();
  expect(seen).not.toEqual(other);
});

test('a model that was trained within boxes is scored within boxes, in every stage', async () => {
  await trainHere(world.data, place('before'), { epochs: 1 });
  await saveBackbone(place('before'), place('tiny.safetensors'));
  const run = place('boxes');
  const weights = place('tiny.safetensors');
  await trainHere(world.data, run, { within: 'box', view: 'squash', weights, epochs: 1 });
  const recogniser = await loadRecogniser(run, { threads: 1 });
  expect(recogniser.manifest.input.within).toBe('box');
  const { logits, examples } = await evaluateModel(recogniser, { data: world.data, split: 'test' });
  const [{ path, box }] = examples;
  const inBox = await recogniser.predict(path, { within: box });
  expect([...logits.subarray(0, 4)]).toBeAllClose([...inBox.logits], { rtol: 1e-4, atol: 1e-5 });
  const image = await decodeImage(path);
  const view = preprocessImage(image, recogniser.geometry, box);
  const byHand = await recogniser.predictView(view, box!);
  expect([...inBox.logits]).toBeAllClose([...byHand.logits], { rtol: 1e-4, atol: 1e-5 });
  const whole = await recogniser.predict(path);
  expect([...whole.logits]).not.toEqual([...inBox.logits]);

  const data = await temporaryFolder();
  for (const entry of await readdir(world.data)) {
    if (entry !== 'bounding_boxes.txt') await symlink(join(world.data, entry), join(data, entry));
  }
  await expect(evaluateModel(recogniser, { data, split: 'test' })).rejects.toMatchObject({
    code: 'FM_SUPERVISION',
    message: expect.stringContaining('got none in 12 of 12 images'),
  });
  await recogniser.close();
});

test('without boxes it is refused before anything runs', async () => {
  const data = await temporaryFolder({
    'a/1.png': await encodePng(noiseImage(40, 40, 1)),
    'b/1.png': await encodePng(noiseImage(40, 40, 2)),
  });
  await expect(trainHere(data, place('none'), { within: 'box' })).rejects.toMatchObject({
    code: 'FM_SUPERVISION',
    message: expect.stringContaining('expected a dataset with labels, box'),
  });
});
