// The recipe of docs/library.md in Python on real photographs, and onnxruntime's static quantisation of
// the exported file: need ../shared and a Python that has numpy, Pillow and onnxruntime, which
// FIELDMARK_PYTHON names (`npm run test:full`).

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/datasets/table.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { train } from '../../src/train/train.ts';

const root = resolve(import.meta.dirname, '../..');
const shared = resolve(root, '../shared');
const data = join(shared, 'data/CUB_200_2011-first10');
const weights = join(shared, 'weights/mobilenet_v2-imagenet.safetensors');
const python = process.env.FIELDMARK_PYTHON ?? 'python3';

function has(modules: string): boolean {
  return spawnSync(python, ['-c', `import ${modules}`]).status === 0;
}

/** Why the tests cannot run, or undefined. */
function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  if (!existsSync(data)) return '../shared is absent';
  if (!has('numpy, PIL, onnxruntime')) return `${python} lacks numpy, Pillow or onnxruntime`;
  return undefined;
}

const reason = obstacle();
if (reason !== undefined) console.log(`test/full/recipe: skipped, ${reason}`);
const unquantised =
  reason ?? (has('onnx, onnxruntime.quantization') ? undefined : `${python} lacks onnx`);
if (unquantised !== undefined) console.log(`test/full/recipe: no quantisation, ${unquantised}`);

const place = await mkdtemp(join(tmpdir(), 'fieldmark-recipe-'));
afterAll(() => rm(place, { recursive: true, force: true }));
const model = join(place, 'run/model');

/** The fenced Python programs of the page. */
function programs(): string[] {
  const page = readFileSync(join(root, 'docs/library.md'), 'utf8');
  return [...page.matchAll(/```python\n([\s\S]*?)```/g)].map(([, body]) => body);
}

type Probabilities = Record<string, Record<string, number>>;

/** Runs a program on photographs; it prints a line of JSON for each. */
async function run(
  text: string,
  folder: string,
  photos: readonly string[],
): Promise<Probabilities> {
  const path = join(place, 'program.py');
  await writeFile(path, text);
  const args = [path, folder, ...photos];
  const { stdout, stderr, status } = spawnSync(python, args, { encoding: 'utf8', maxBuffer: 1e9 });
  if (status !== 0) throw new Error(stderr);
  return Object.assign(
    {},
    ...stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
}

const best = (of: Record<string, number>) =>
  Object.keys(of).reduce((a, b) => (of[b] > of[a] ? b : a));

describe.skipIf(reason !== undefined)('the exported model in Python', () => {
  let photos: string[];
  let ours: Probabilities;

  beforeAll(async () => {
    const config = { data, weights, stages: 'head', offline: true };
    await train({ out: join(place, 'run'), config });
    const { examples } = await openDataset(data);
    photos = examples.map(({ path }) => path).filter((_, i) => i % 5 === 0);
    const recogniser = await loadRecogniser(join(place, 'run'));
    ours = {};
    for (const photo of photos) {
      const { answers } = await recogniser.predict(photo, { topK: 10 });
      ours[photo] = Object.fromEntries(answers.map(({ name, confidence }) => [name, confidence]));
    }
    await recogniser.close();
  });

  test('the recipe gives the same answers', async () => {
    const theirs = await run(programs()[0], model, photos);
    expect(Object.keys(theirs)).toEqual(photos);
    const apart = photos.map((photo) => {
      const [a, b] = [ours[photo], theirs[photo]];
      expect(best(b)).toBe(best(a));
      return Math.max(...Object.keys(a).map((name) => Math.abs(a[name] - b[name])));
    });
    const sorted = apart.toSorted((a, b) => a - b);
    expect(sorted[sorted.length >> 1]).toBeLessThan(1e-4);
    expect(sorted.at(-1)).toBeLessThan(0.01);
  });

  test.skipIf(unquantised !== undefined)(
    'static quantisation by channel keeps most answers',
    async () => {
      const [recipe, quantising] = programs();
      const [before, after] = recipe.split('    [p] = ');
      const collected = `${before.replace('for photo in photos:', 'found = []\nfor photo in photos:')}    found.append({'image': pixels[None]})
from onnxruntime.quantization import CalibrationDataReader
class Reader(CalibrationDataReader):
    images = iter(found[::4])
    def get_next(self): return next(self.images, None)
reader = Reader()
import os; os.chdir(folder)
${quantising}
session = onnxruntime.InferenceSession('small.onnx')
for photo, feeds in zip(photos, found):
    [p] = session.run(['probabilities'], feeds)[0]
${after.slice(after.indexOf('\n') + 1)}`;
      const small = await run(collected, model, photos);
      const same = photos.filter((photo) => best(small[photo]) === best(ours[photo]));
      expect(same.length / photos.length).toBeGreaterThan(0.9);
      const sizes = await Promise.all(
        ['model.onnx', 'small.onnx'].map((name) => stat(join(model, name))),
      );
      expect(sizes[1].size).toBeLessThan(0.4 * sizes[0].size);
    },
  );
});
