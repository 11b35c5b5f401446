// Retrieval on one split of a dataset, each image querying the others: pooled features of a frozen
// network beside SCDA, SCDA+ and flip, whitened (learnt on the training images) and re-ranked.
//
//   npx tsx bench/retrieval.ts <dataset> <weights> [split] [backbone] [size] [whitened to]

import type { Example } from '../src/core/example.ts';
import { openDataset } from '../src/data/datasets/table.ts';
import type { EvaluationGeometry } from '../src/data/image/preprocess.ts';
import { type Retrieval, scoreRetrieval } from '../src/evaluate/retrieval.ts';
import { lower } from '../src/graph/lower.ts';
import { globalAveragePool } from '../src/graph/ops/pool.ts';
import type { Value } from '../src/graph/value.ts';
import { fillFromWeights } from '../src/hub/fill.ts';
import { loadWeights } from '../src/hub/weights.ts';
import { findBackbone } from '../src/nn/backbones/table.ts';
import { imageInput, normaliseImage } from '../src/nn/image-input.ts';
import { mirrored, scdaDescriptor } from '../src/nn/scda.ts';
import { type ParameterStore, Parameters } from '../src/nn/scope.ts';
import { passOverImages } from '../src/recognise/image-pass.ts';
import { foldConstants } from '../src/runtime/fold.ts';
import { createSession } from '../src/runtime/node.ts';
import { reRank } from '../src/search/re-ranking.ts';
import { allSimilarities, unitRows } from '../src/search/similarity.ts';
import { fitWhitening, whiten } from '../src/search/whitening.ts';

const [folder, weights, ...rest] = process.argv.slice(2);
if (weights === undefined) {
  const got = `${process.argv.length - 2} arguments`;
  throw new Error(`retrieval: expected <dataset> <weights>, got ${got}. Name both.`);
}
const [split = 'test', backbone = 'mobilenet_v2', side = '256', dimensions = '8,16,32'] = rest;
const geometry: EvaluationGeometry = { size: Number(side), mode: 'squash' };

/** Rows of one kind of descriptor. */
interface Table {
  readonly width: number;
  readonly rows: Float32Array;
}

const dataset = await openDataset(folder);
const of = (name: string) => dataset.examples.filter((example) => example.split === name);
const labels = of(split).map(({ label }) => label);
const described = await describe(of(split));
const whitens = dimensions !== '0' && split !== 'train';
const learnt = whitens ? await describe(of('train')) : described;
const show = (name: string, { map, mapAtR, recall }: Retrieval) => {
  const figures = [map, mapAtR, ...Object.values(recall)].map((v) => (100 * v).toFixed(1));
  console.log(
    `${name.padEnd(28)} mAP ${figures[0]}  mAP@R ${figures[1]}  R@1,2,4,8 ${figures.slice(2)}`,
  );
};
for (const [name, table] of described) {
  await report(name, table);
  if (name.startsWith('pooled')) continue;
  for (const to of dimensions.split(',').map(Number)) {
    if (to > 0) await reportWhitened(name, table, to); // 0: none
  }
}

async function report(name: string, { width, rows }: Table): Promise<void> {
  const n = labels.length;
  const near = await allSimilarities(rows, width);
  show(
    name,
    scoreRetrieval(labels, (i) => near.subarray(i * n, (i + 1) * n)),
  );
  const far = reRank(near, n).map((distance) => -distance);
  show(
    `${name}, re-ranked`,
    scoreRetrieval(labels, (i) => far.subarray(i * n, (i + 1) * n)),
  );
}

async function reportWhitened(name: string, { width, rows }: Table, to: number): Promise<void> {
  const base = unitRows(learnt.get(name)!.rows, width);
  const whitening = await fitWhitening(base, width, { to });
  const whitened = await whiten(unitRows(rows, width), whitening);
  await report(`${name}, whitened to ${to}`, { width: to, rows: whitened });
}

/** All descriptors of the images, by name. */
async function describe(examples: readonly Example[]): Promise<Map<string, Table>> {
  const session = await network();
  const parts = new Map<string, Float32Array[]>();
  const options = {
    geometry,
    workers: 1,
    task: 'describing',
    progress: () => {},
    pause: () => {},
  };
  await passOverImages(session, examples, options, (_, outputs) => {
    for (const [name, { data }] of Object.entries(outputs)) {
      parts.set(name, [...(parts.get(name) ?? []), data as Float32Array]);
    }
  });
  await session.close();
  const joined = (...names: string[]): Table => {
    const rows = examples.map((_, i) => names.flatMap((name) => [...parts.get(name)![i]]));
    return { width: rows[0].length, rows: Float32Array.from(rows.flat()) };
  };
  return new Map([
    ['pooled', joined('pooled')],
    ['pooled, flip', joined('pooled', 'mirrorPooled')],
    ['SCDA', joined('scda')],
    ['SCDA, flip', joined('scda', 'mirrorScda')],
    ['SCDA+', joined('plus')],
    ['SCDA+, flip', joined('plus', 'mirrorPlus')],
  ]);
}

/** The frozen network with all descriptors of an image and of its mirror image. */
async function network() {
  const loaded = await loadWeights(weights);
  const { input, padding } = loaded.description;
  const parameters = new Parameters();
  const image = imageInput(1, geometry.size);
  const featuresOf = (view: Value) => {
    const build = { norms: 'frozen', padding, pooling: 'average' } as const;
    const scope = parameters.root().child('backbone');
    return findBackbone(backbone).features(scope, normaliseImage(view, input), build);
  };
  const [straight, mirror] = [featuresOf(image), featuresOf(mirrored(image))];
  const outputs = {
    pooled: globalAveragePool(straight.map),
    mirrorPooled: globalAveragePool(mirror.map),
    scda: scdaDescriptor(straight, { layers: 1 }).descriptor,
    plus: scdaDescriptor(straight, { layers: 2 }).descriptor,
    mirrorScda: scdaDescriptor(mirror, { layers: 1 }).descriptor,
    mirrorPlus: scdaDescriptor(mirror, { layers: 2 }).descriptor,
  };
  const store: ParameterStore = new Map();
  fillFromWeights(parameters, store, loaded, { backbone: findBackbone(backbone), classes: [] });
  const constants = (path: string) => store.get(path);
  const known = await foldConstants(Object.values(outputs), constants);
  return await createSession(lower(outputs, { constants, known }).bytes);
}
