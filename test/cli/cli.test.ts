// The command line as people and programs meet it: help, exit codes, one line of JSON, clear errors.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { aviaryCommand } from '../../src/cli/aviary.ts';
import { backbonesCommand } from '../../src/cli/backbones.ts';
import { compareCommand } from '../../src/cli/compare.ts';
import { demoCommand } from '../../src/cli/demo.ts';
import { evaluateCommand } from '../../src/cli/evaluate.ts';
import { explainCommand } from '../../src/cli/explain.ts';
import { methodsCommand } from '../../src/cli/methods.ts';
import { predictCommand } from '../../src/cli/predict.ts';
import { searchCommand } from '../../src/cli/search.ts';
import { trainCommand } from '../../src/cli/train.ts';
import { decodeImage } from '../../src/data/image/decode.ts';
import { methods } from '../../src/methods/table.ts';
import { lockRun } from '../../src/train/run-folder.ts';
import { command, type Outcome, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
const place = (name: string) => join(world.folder, name);
const tiny = ['--backbone', 'resnet_tiny', '--size', '32', '--threads', '1', '--workers', '0'];
const quick = ['--set', 'stages.all.batch=8', '--set', 'stages.all.rate=0.02'];

/** Standard output is one line of JSON and nothing else. */
function mustEndInJson({ status, stdout, stderr, json }: Outcome): Record<string, unknown> {
  expect(status, stderr).toBe(0);
  expect(json, stdout).toBeTypeOf('object');
  expect(stdout).toBe(`${JSON.stringify(json)}\n`);
  return json as Record<string, unknown>;
}

/** One error in the form that all have, without a stack trace. */
function mustFail({ status, stdout, stderr }: Outcome, exit: number): string {
  expect(status, stderr).toBe(exit);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^\s+at |node:internal|defect/m);
  const errors = stderr.split('\n').filter((line) => line.startsWith('error '));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^error FM_[A-Z]+: [^:]+: expected .+, got .+\. .+\.$/);
  return errors[0];
}

const commands = [
  { name: 'demo', build: demoCommand },
  { name: 'aviary', build: aviaryCommand },
  { name: 'train', build: trainCommand },
  { name: 'evaluate', build: evaluateCommand },
  { name: 'compare', build: compareCommand },
  { name: 'predict', build: predictCommand },
  { name: 'explain', build: explainCommand },
  { name: 'search', build: searchCommand },
  { name: 'backbones', build: backbonesCommand },
  { name: 'methods', build: methodsCommand },
];

describe('help and wrong use', () => {
  test('--help names every command and ends with status 0', async () => {
    const { status, stdout, stderr } = await command('--help');
    expect(status, stderr).toBe(0);
    for (const { name } of commands) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect((await command('train', '--help')).status).toBe(0);
  });

  test.each(commands)('$name --help explains it', ({ name, build }) => {
    const text: string[] = [];
    const help = () =>
      build()
        .exitOverride()
        .configureOutput({ writeOut: (more) => void text.push(more) })
        .parse(['--help'], { from: 'user' });
    expect(help).toThrow(expect.objectContaining({ exitCode: 0 }));
    expect(text.join('')).toMatch(new RegExp(`^Usage: ${name} `));
    expect(text.join('').split('\n')[2].length, 'a description').toBeGreaterThan(15);
    expect(text.join('')).toMatch(/^ {2}--json /m);
  });

  test.each([
    [['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
    [['train', '--epoch', '3'], /unknown option '--epoch'\n\(Did you mean --epochs\?\)/],
    [['train', '--size', 'big'], /'--size <pixels>'.*whole number of at least 32/],
  ])('%j ends with status 2 and a hint', async (args, message) => {
    const { status, stdout, stderr } = await command(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\(run 'fieldmark .*--help'/);
  });
});

test('backbones and methods end in JSON', async () => {
  expect(mustEndInJson(await command('backbones', '--json'))).toMatchObject({
    backbones: expect.arrayContaining([
      {
        name: 'mobilenet_v2',
        parameters: 3504872,
        gflops: expect.closeTo(0.3, 2),
        map224: [1280, 7, 7],
        map448: [1280, 14, 14],
        features: 1280,
        citation: expect.any(String),
        weights: 'https://download.pytorch.org/models/mobilenet_v2-b0353104.pth',
        licence: 'BSD-3-Clause',
      },
      expect.objectContaining({ name: 'vgg_m', weights: null, licence: null }),
    ]),
  });
  expect(mustEndInJson(await command('methods', '--json'))).toMatchObject({
    methods: methods.map(({ name, citation, needs }) => ({ name, citation, needs })),
  });
});

test('aviary draws a dataset, and never into a folder that holds something', async () => {
  const out = place('drawn');
  const args = ['aviary', out, '--classes', '3', '--train', '2', '--test', '1', '--size', '48'];
  const summary = mustEndInJson(await command(...args, '--json'));
  expect(summary).toMatchObject({ classes: 3, train: 6, test: 3, out });
  expect(await readdir(out)).toContain('images.txt');
  expect(mustFail(await command(...args), 1)).toContain('FM_DISK');
});

describe('a run from training to explanation', () => {
  const run = () => place('run');
  let trained: Outcome;
  let photo: string;

  beforeAll(async () => {
    const args = ['train', '--data', world.data, ...tiny, ...quick, '--epochs', '2', '--json'];
    trained = await command(...args, '--out', run());
    const [first] = (await readFile(join(world.data, 'images.txt'), 'utf8')).split('\n');
    photo = join(world.data, 'images', first.split(' ')[1]);
  });

  test('train', () => {
    expect(mustEndInJson(trained)).toMatchObject({
      folder: run(),
      classes: 4,
      trainImages: 44,
      valTop1: expect.any(Number),
      temperature: expect.any(Number),
      stages: [{ stage: 'all' }],
    });
    expect(trained.stderr).toContain(`fieldmark evaluate ${run()}`);
    expect(trained.stderr).toMatch(/all epoch 2\/2 {2}loss \d/);
  });

  test('evaluate', async () => {
    const args = ['evaluate', run(), '--data', world.data, '--threads', '1', '--workers', '0'];
    const asked = await command(...args, '--split', 'test', '--retrieval', '--json');
    const figures = mustEndInJson(asked);
    const fraction = expect.toSatisfy((v: unknown) => typeof v === 'number' && v >= 0 && v <= 1);
    expect(figures).toMatchObject({
      top1: fraction,
      top5: null,
      perClassMean: fraction,
      n: 12,
      split: 'test',
      levels: { genus: { top1: fraction } },
      retrieval: {
        queries: 12,
        map: fraction,
        mapAtR: fraction,
        recall: { 1: fraction, 8: fraction },
      },
      report: join(run(), 'report.html'),
    });
    expect(await readFile(join(run(), 'report.html'), 'utf8')).toContain('</html>');
  });

  test('predict: one bad photograph does not keep the others from being answered', async () => {
    const answered = mustEndInJson(await command('predict', run(), photo, '-k', '2', '--json'));
    const answer = { name: expect.any(String), confidence: expect.any(Number) };
    expect(answered).toMatchObject({
      predictions: [{ photo, answers: [answer, answer], levels: [{ level: 'genus', ...answer }] }],
    });
    const bad = place('bad.jpg');
    await writeFile(bad, 'hello');
    const { status, json, stderr } = await command('predict', run(), bad, photo, '--json');
    expect(status).toBe(1);
    expect(json).toMatchObject({
      predictions: [
        { photo: bad, error: expect.stringContaining('bad.jpg') },
        { photo, answers: expect.any(Array) },
      ],
    });
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('explain writes a PNG for each photograph, also of the same name', async () => {
    const twin = join(await temporaryFolder(), 'deep');
    await mkdir(twin);
    const copy = join(twin, photo.split('/').at(-1)!);
    await writeFile(copy, await readFile(photo));
    const out = place('explained');
    const answered = mustEndInJson(
      await command('explain', run(), photo, copy, '--out', out, '--json'),
    );
    const names = (await readdir(out)).sort();
    expect(names).toHaveLength(2);
    // a picture never replaces a photograph
    const drawn = join(out, names[0]);
    const before = await readFile(drawn);
    const refused = await command('explain', run(), drawn, '--out', out);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/--out: expected a folder in which no picture would replace/);
    expect(await readFile(drawn)).toEqual(before);
    for (const name of names) {
      const { width, height } = await decodeImage(join(out, name));
      expect(Math.min(width, height)).toBeGreaterThan(40);
    }
    const number = expect.any(Number);
    expect(answered).toMatchObject({
      explanations: names.map(() => ({
        picture: expect.any(String),
        box: [number, number, number, number],
      })),
    });
  });

  test('explain shows what looks alike in training, and says once where that is gone', async () => {
    const bilinear = place('bilinear');
    await trainHere(world.data, bilinear, { method: 'bilinear', epochs: 1 });
    const args = ['explain', bilinear, photo, photo, '--out', place('alike'), '--json'];
    const { explanations } = mustEndInJson(await command(...args)) as {
      explanations: { answers: { name: string }[]; nearest: Record<string, unknown> }[];
    };
    const number = expect.any(Number);
    const box = [number, number, number, number];
    expect(explanations[0].nearest).toEqual({
      [explanations[0].answers[0].name]: {
        path: expect.stringContaining(world.data),
        similarity: number,
        pairs: expect.arrayContaining([{ query: box, example: box, share: number }]),
      },
    });
    const config = join(bilinear, 'config.json');
    const about = JSON.parse(await readFile(config, 'utf8'));
    await writeFile(config, JSON.stringify({ ...about, data: '/nowhere' }));
    const outcome = await command(...args);
    expect(mustEndInJson(outcome)).toMatchObject({ explanations: [{ nearest: {} }, {}] });
    expect(outcome.stderr.split('without the nearest training photographs')).toHaveLength(2);
  });

  test('search: an index of a folder, and what looks like a photograph', async () => {
    const [index, folder] = [place('birds.index'), join(world.data, 'images')];
    const build = ['search', index, '--build', folder, '--model', run(), '--workers', '0'];
    const made = mustEndInJson(await command(...build, '--json'));
    expect(made).toMatchObject({ index, photographs: 60, skipped: [] });
    expect(mustFail(await command(...build), 1)).toContain('--overwrite');
    const sheet = place('sheet.png');
    const asked = ['search', index, photo, '--top', '3', '--rerank', '--out', sheet, '--json'];
    const { results } = mustEndInJson(await command(...asked)) as { results: unknown[] };
    const found = {
      path: expect.any(String),
      label: expect.any(String),
      similarity: expect.any(Number),
    };
    expect(results).toEqual([
      { photo, found: [0, 1, 2].map(() => ({ id: expect.any(String), ...found })) },
    ]);
    expect((await decodeImage(sheet)).width).toBeGreaterThan(400);
    expect(mustFail(await command('search', index), 2)).toContain('photographs to search for');
  });

  test('a run that is in use, and one that is not there', async () => {
    const again = ['train', '--data', world.data, ...tiny, ...quick, '--epochs', '2'];
    const release = await lockRun(run());
    const blocked = mustFail(await command(...again, '--out', run(), '--overwrite'), 1);
    expect(blocked).toContain(`in use by process ${process.pid}`);
    await release();
    const none = await command(...again, '--out', place('none'), '--resume');
    expect(mustFail(none, 1)).toContain('a run to resume, got none');
    expect(mustFail(await command('predict', place('none'), photo), 1)).toContain('FM_RUN');
  });

  test('a run is resumed from its folder alone', async () => {
    const resumed = await command('train', '--out', run(), '--resume', '--json');
    expect(mustEndInJson(resumed)).toEqual(trained.json);
  });
});

describe('configuration', () => {
  const inToml = `
    data = "DATA"
    backbone = "resnet_tiny"
    size = 48
    threads = 1
    workers = 0
    seed = 3
    [stages.all]
    batch = 8
    epochs = 7
    rate = 0.5
    optimiser = { beta1 = 0.5 }
  `;

  test('flags win over --set, --set over the file; TOML and JSON alike', async () => {
    const toml = place('c.toml');
    await writeFile(toml, inToml.replace('DATA', world.data));
    const sets = ['--set', 'seed=4', '--set', 'stages.all.rate=0.02', '--set', 'size=40'];
    const out = place('from-toml');
    const args = ['train', '--config', toml, ...sets, '--size', '32', '--epochs', '1'];
    const first = await command(...args, '--out', out);
    expect(first.status, first.stderr).toBe(0);
    const written = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'));
    expect(written).toMatchObject({
      data: world.data,
      seed: 4,
      size: 32,
      epochs: 1,
      stages: 'all',
      stage: { all: { batch: 8, epochs: 7, rate: 0.02, optimiser: { beta1: 0.5 } } },
    });
    // what a run wrote is a configuration, too
    const json = join(out, 'config.json');
    const second = await command('train', '--config', json, '--out', place('from-json'));
    expect(second.status, second.stderr).toBe(0);
    const models = ['from-toml', 'from-json'].map((name) => place(`${name}/model/model.onnx`));
    const [a, b] = await Promise.all(models.map((path) => readFile(path)));
    expect(a.equals(b)).toBe(true);
  });

  test('--offline with an empty cache says what to fetch by hand', async () => {
    const args = ['train', '--data', world.data, '--out', place('offline'), '--offline'];
    const told = mustFail(await command(...args), 1);
    const file = 'download.pytorch.org/models/mobilenet_v2-b0353104.pth';
    expect(told).toContain(`FM_DOWNLOAD: ${file}: expected the file in the cache`);
    expect(told).toContain(`Fetch https://${file} and save it as ${place('cache')}/weights/https/`);
    expect(told).toContain('--weights FILE, or start from random numbers with --weights none');
    await expect(readdir(place('offline'))).rejects.toThrow('ENOENT');
    const plain = await command(...args, '--weights', `http://${file}`);
    expect(mustFail(plain, 2)).toContain('begins with https://');
  });

  test('mistakes are told by key', async () => {
    const base = ['train', '--data', world.data, '--out', place('wrong')];
    expect(mustFail(await command(...base, '--set', 'sizes=3'), 2)).toMatch(/FM_CONFIG.*"sizes"/);
    expect(mustFail(await command(...base, '--set', 'seed'), 2)).toMatch(/FM_USAGE: --set/);
    await writeFile(place('broken.toml'), 'a = = 1');
    const broken = await command(...base, '--config', place('broken.toml'));
    expect(mustFail(broken, 2)).toContain('broken.toml');
    expect(mustFail(await command('train', '--epochs', '1'), 2)).toContain('--data');
  });
});

test('Ctrl-C stops after a checkpoint with status 130', async () => {
  const args = ['train', '--data', world.data, ...tiny, ...quick, '--epochs', '40'];
  const out = place('interrupted');
  const running = startCommand([...args, '--out', out], { group: true });
  const group = -running.process.pid!;
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  while (!over && !running.stderr().includes('epoch 1/40')) await sleep(50);
  process.kill(group, 'SIGINT'); // as the terminal does: to the command and its trainer
  const { status, stdout, stderr } = await running.ended;
  expect(status, stderr).toBe(130);
  expect(stdout).toBe('');
  expect(stderr).toContain('stopped after a checkpoint; continue with --resume');
  expect((await readdir(out)).sort()).toEqual([
    'checkpoint',
    'config.json',
    'metrics.jsonl',
    'recipe.json',
  ]);
  expect(await readdir(join(out, 'checkpoint'))).toEqual(['state.safetensors']);
  expect(() => process.kill(group, 0), 'nobody is left').toThrow('ESRCH');
});
