// Who takes part: settings of one's own over common ones, and the baselines beside them.

import { expect, test } from 'vitest';
import {
  configOf,
  contestantOf,
  folderName,
  withBaselines,
  withoutStrangeStages,
} from '../../src/compare/contestant.ts';
import { TimeLeft } from '../../src/compare/time-left.ts';
import { findMethod } from '../../src/methods/table.ts';
import { parseConfig } from '../../src/train/config.ts';

const common = { data: 'd', weights: 'w.safetensors', epochs: 3, stage: { all: { batch: 8 } } };
const plain = contestantOf('finetune', 'finetune');

test('own settings lie over common ones, field by field', () => {
  const own = { stage: { all: { rate: 0.1 } }, size: 64 };
  const config = configOf(contestantOf('finetune:x', 'finetune', own), { ...common, size: 32 });
  expect(config).toMatchObject({ method: 'finetune', epochs: 3, size: 64 });
  expect(config.stage).toEqual({ all: { batch: 8, rate: 0.1 } });
});

test('the probe stands beside them where there are weights, with epochs of its own', () => {
  const { contestants, notes } = withBaselines([plain], common);
  expect(contestants.map(({ label, baseline }) => [label, baseline])).toEqual([
    ['finetune', false],
    ['probe', true],
  ]);
  expect(notes).toEqual([]);
  const probe = parseConfig(configOf(contestants[1], common));
  expect(probe).toMatchObject({ method: 'finetune', stages: 'head', options: {} });
  expect(probe.epochs).toBeUndefined();
  // named by hand it is not added again
  const named = withBaselines([plain, contestantOf('probe', 'probe')], common);
  expect(named.contestants).toHaveLength(2);
});

test('random numbers have no features to probe', () => {
  const { contestants, notes } = withBaselines([plain], { data: 'd', weights: 'none' });
  expect(contestants).toHaveLength(1);
  expect(notes).toEqual([expect.stringContaining('no probe beside them')]);
  // those of a trunk can be, although no weights are named
  const trunk = withBaselines([plain], { data: 'd', backbone: 'onnx:net.onnx' });
  expect(trunk.contestants.map(({ label }) => label)).toEqual(['finetune', 'probe']);
});

test("a method's own baselines stand beside it once, with its own settings", () => {
  const find = (name: string) => ({ ...findMethod(name), baselines: [{ dropout: 0.5 }] });
  const own = { size: 64, options: { head: 'fresh' } };
  const wide = contestantOf('finetune:size=64', 'finetune', own);
  const { contestants } = withBaselines([wide], common, find);
  expect(contestants[1]).toEqual({
    label: 'finetune:size=64:options.dropout=0.5',
    method: 'finetune',
    own: { size: 64, options: { head: 'fresh', dropout: 0.5 } },
    baseline: true,
  });
  const options = Object.assign(Object.create(null), { dropout: 0.5 }) as object;
  const byHand = contestantOf('finetune:options.dropout=0.5', 'finetune', {
    options: { ...options },
  });
  expect(withBaselines([plain, byHand], common, find).contestants).toHaveLength(3);
});

test('RA-CNN is held against as many looks at the middle', () => {
  const { contestants } = withBaselines([contestantOf('ra-cnn', 'ra-cnn')], common);
  expect(contestants.map(({ label, baseline }) => [label, baseline])).toEqual([
    ['ra-cnn', false],
    ['ra-cnn:options.attention=centre', true],
    ['probe', true],
  ]);
});

test('the same method twice is a slip', () => {
  expect(() => withBaselines([plain, plain], common)).toThrow(/got 'finetune' twice/);
  expect(() => contestantOf('x', 'x')).toThrow(/method 'x'/);
});

test.each([{ data: 'other' }, { format: 'folder' }, { fold: { count: 2, index: 1, seed: 0 } }])(
  '%j is no setting of one contestant',
  (own) => {
    const [key] = Object.keys(own);
    expect(() => contestantOf(`finetune:${key}`, 'finetune', own)).toThrow(
      expect.objectContaining({ code: 'FM_USAGE', message: expect.stringContaining(`'${key}'`) }),
    );
  },
);

test('folders are told apart, whatever the label', () => {
  expect(folderName('finetune', 0)).toBe('finetune');
  const second = folderName('finetune:stages.all.rate=0.01', 2);
  expect(second).toBe('finetune-stages.all.rate=0.01@seed2');
  for (const label of ['a:weights=hub-1', 'a:weights=hub+seed1', 'a:weights=hub@seed1']) {
    expect(folderName('a:weights=hub', 1)).not.toBe(folderName(label, 0));
  }
  const names = ['a:b=[1,2]', 'a:b=[1;2]', 'a:b=/x', `a:b=${'y'.repeat(300)}`].map((label) =>
    folderName(label, 0),
  );
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^[\w.=+-]{1,100}$/);
});

test('common settings of stages that a method lacks are left out, its own are not', () => {
  const config = parseConfig({ data: 'd', stage: { all: {}, triplet: {}, own: {} } });
  const contestant = contestantOf('finetune', 'finetune', { stage: { own: {} } });
  const { stage } = withoutStrangeStages(config, contestant, ['head', 'all']);
  expect(Object.keys(stage)).toEqual(['all', 'own']);
});

test('time left: finished runs of the same contestant, or else those of others', () => {
  const time = new TimeLeft(['a', 'b', 'a', 'b']);
  time.begin();
  // nothing is known: every run is taken for one as long as this
  expect(time.seconds('a', 30)).toBeCloseTo(4 * 30, 0);
  time.finish('a', 30);
  time.begin();
  expect(time.seconds('b', 5)).toBeCloseTo(5 + 30 + 5, 0);
  time.finish('b', 10);
  time.begin();
  expect(time.seconds('a', 1)).toBeCloseTo(30 + 10, 0);
  time.leaveOut('b');
  expect(time.seconds('a', 1)).toBeCloseTo(30, 0);
});
