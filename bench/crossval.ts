// Fine-tuning against its linear probe by cross-validation over all images of a dataset in the CUB
// layout: the same folds for both, a paired bootstrap over images. Finished runs are kept, so that
// it can be stopped and started again.
//
//   npx tsx bench/crossval.ts <dataset> <weights> <folder for the runs> [folds] [epochs] [seed] [rate]

import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { openDataset } from '../src/data/datasets/table.ts';
import { stratifiedFolds } from '../src/data/splits.ts';
import { compareAccuracy } from '../src/evaluate/comparison.ts';
import { evaluateModel } from '../src/evaluate/evaluate.ts';
import { answersOf } from '../src/evaluate/scores.ts';
import { loadRecogniser } from '../src/recognise/recogniser.ts';
import { runPaths } from '../src/train/run-folder.ts';
import { train } from '../src/train/train.ts';

const [folder, weights, runs, ...rest] = process.argv.slice(2);
if (runs === undefined) {
  const got = `${process.argv.length - 2} arguments`;
  throw new Error(`crossval: expected <dataset> <weights> <folder>, got ${got}. Name all three.`);
}
const [folds = 5, epochs = 12, seed = 0, rate = 0.003] = rest.map(Number);
const source = resolve(folder);

const dataset = await openDataset(source);
const parts = stratifiedFolds(dataset.examples, folds, seed);
const right = { all: [] as number[], head: [] as number[] };
for (const [fold, held] of parts.entries()) {
  const data = await foldFolder(`${folds}-${seed}-${fold}`, new Set(held.map(({ path }) => path)));
  for (const stages of ['head', 'all'] as const) {
    // a run of other folds, weights or epochs is another run
    const setting = `${basename(weights, '.safetensors')}-${folds}-${seed}-${epochs}-${rate}`;
    const out = join(runs, `${setting}-${stages}-${fold}`);
    if (!existsSync(runPaths(out).model)) {
      const mode = existsSync(out) ? 'resume' : 'new';
      const last = stages === 'all' ? { epochs, stage: { all: { rate } } } : {};
      await train({ out, mode, config: { data, weights, stages, seed, ...last } });
    }
    const recogniser = await loadRecogniser(out, { threads: 2 });
    const { logits, examples } = await evaluateModel(recogniser, { data, split: 'test' });
    await recogniser.close();
    const answers = answersOf(logits, dataset.classes.length);
    const hits = examples.map(({ label }, i) => Number(label === answers[i]));
    right[stages].push(...hits);
    const share = hits.reduce((sum, hit) => sum + hit, 0) / hits.length;
    console.error(`fold ${fold} ${stages}: ${(100 * share).toFixed(1)} % of ${hits.length}`);
  }
}
console.log(
  JSON.stringify({ folds, epochs, seed, rate, ...compareAccuracy(right.all, right.head) }),
);

/** The dataset with the fold's images as its test split. */
async function foldFolder(name: string, held: ReadonlySet<string>): Promise<string> {
  const folder = resolve(runs, `fold-${name}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = resolve(source, entry.name);
    if (entry.isFile()) await copyFile(from, join(folder, entry.name));
    else await symlink(from, join(folder, entry.name));
  }
  const lines = (await readFile(join(source, 'images.txt'), 'utf8')).trim().split('\n');
  const split = lines.map((line) => {
    const [id, path] = line.trim().split(' ');
    return `${id} ${held.has(join(source, 'images', path)) ? 0 : 1}`;
  });
  const place = join(folder, 'train_test_split.txt');
  await rm(place, { force: true });
  await writeFile(place, `${split.join('\n')}\n`);
  return folder;
}
