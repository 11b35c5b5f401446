// `--box` of predict and explain: a model of boxes is told where the object is, or says that it is not.

import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { boxNumbers } from '../../src/cli/box-option.ts';
import type { Example } from '../../src/core/example.ts';
import { openDataset } from '../../src/data/datasets/table.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { command } from '../support/command.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const boxed = () => join(world.folder, 'boxed');
const explain = ['--out', '', '--json'];
let example: Example;

beforeAll(async () => {
  explain[1] = join(world.folder, 'explained');
  await trainHere(world.data, boxed(), { epochs: 1, within: 'box' });
  const { examples } = await openDataset(world.data);
  example = examples[0];
});

test('the answer is that within the box; without one the model says what it sees', async () => {
  const { path, box } = example;
  const recogniser = await loadRecogniser(boxed());
  const told = await recogniser.predict(path, { within: box });
  const untold = await recogniser.predict(path);
  await recogniser.close();
  const best = ({ confidence }: { confidence: number }) => ({
    answers: [{ confidence: expect.closeTo(confidence, 4) }],
  });
  const flag = ['-k', '1', '--box', box!.join()];
  const predicted = await command('predict', boxed(), path, ...flag, '--json');
  expect(predicted.json, predicted.stderr).toMatchObject({ predictions: [best(told.answers[0])] });
  expect(predicted.stderr).not.toContain('--box');
  const explained = await command('explain', boxed(), path, ...explain, ...flag);
  const expected = { explanations: [best(told.answers[0])] };
  expect(explained.json, explained.stderr).toMatchObject(expected);
  const rival = told.answers[1].name;
  const versus = await command('explain', boxed(), path, ...explain, ...flag, '--versus', rival);
  expect(versus.json, versus.stderr).toMatchObject({
    explanations: [{ answer: { confidence: expect.closeTo(told.answers[0].confidence, 4) } }],
  });
  const plain = await command('predict', boxed(), path, '-k', '1', '--json');
  expect(plain.json).toMatchObject({ predictions: [best(untold.answers[0])] });
  expect(plain.stderr).toContain('--box x,y,width,height says where the object is');
  expect(told.answers[0].confidence).not.toBeCloseTo(untold.answers[0].confidence, 4);
}, 120_000);

test('a box that cannot be meant is refused', async () => {
  const many = await command('predict', boxed(), example.path, example.path, '--box', '0,0,9,9');
  expect([many.status, many.stderr]).toEqual([2, expect.stringContaining('one photograph, got 2')]);
  const plain = join(world.folder, 'plain');
  await trainHere(world.data, plain, { epochs: 1 });
  const whole = await command('explain', plain, example.path, '--box', '0,0,9,9');
  expect(whole.status).toBe(2);
  expect(whole.stderr).toContain('a model that was trained within boxes');
  for (const text of ['1,2,3', '1,2,0,4', '1,2,3,x', '1,2,,4']) {
    expect(() => boxNumbers(text)).toThrow('x,y,width,height');
  }
  expect(boxNumbers('-1,2.5,30,40')).toEqual([-1, 2.5, 30, 40]);
}, 60_000);
