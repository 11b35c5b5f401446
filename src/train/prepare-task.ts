// From a configuration to everything that training needs: images, splits, network, first numbers.

import { createHash } from 'node:crypto';
import { fail } from '../core/errors.ts';
import type { Dataset, Example, Supervision } from '../core/example.ts';
import type { Field } from '../core/fields.ts';
import { copyNotes } from '../data/copies.ts';
import { firstNames } from '../data/datasets/left-out.ts';
import { openDataset } from '../data/datasets/table.ts';
import { cutOf } from '../data/folds.ts';
import { type EvaluationGeometry, shortSideOf } from '../data/image/preprocess.ts';
import { findSampler } from '../data/samplers/table.ts';
import { chooseSplits } from '../data/splits.ts';
import { hashFile } from '../formats/hash-file.ts';
import { type Destination, fillFromWeights, loadingNotes } from '../hub/fill.ts';
import { openTrunk } from '../hub/onnx-trunk.ts';
import { trunkPath } from '../hub/trunk-options.ts';
import type { LoadedWeights } from '../hub/weights.ts';
import { torchvisionDescription } from '../hub/weights-description.ts';
import type { Method, MethodContext } from '../methods/method.ts';
import { networkSettings } from '../methods/settings.ts';
import { trainedAmong } from '../methods/stage.ts';
import { stageBatch } from '../methods/stage-batch.ts';
import type { StageSettings } from '../methods/stage-settings.ts';
import { checkSupervision } from '../methods/table.ts';
import { isInBackbone } from '../nn/backbones/backbone.ts';
import type { NormMode } from '../nn/layers.ts';
import { initialise, type ParameterStore, Parameters } from '../nn/scope.ts';
import { recogniserGraph } from '../recognise/recogniser-graph.ts';
import { checkStages } from './check-stages.ts';
import type { RunConfig } from './config.ts';
import type { Emit } from './events.ts';
import { openBackbone, openMethod } from './own-parts.ts';
import { fillSecond, type LoadedSecond, loadSecond } from './second-network.ts';
import { startWeights } from './start-weights.ts';
import type { Task } from './task.ts';
import {
  cutImages,
  leaveBadOut,
  mustHaveTwoClasses,
  readImages,
  reportClasses,
  reportUnvalidated,
  testImages,
  trainingImages,
} from './task-images.ts';

/** Reads and checks everything; throws before any time is spent on training. */
export async function prepareTask(
  config: RunConfig,
  emit: Emit,
  signal: AbortSignal,
): Promise<Task> {
  const { value: method, sha256: methodFile } = await openMethod(config.method);
  const trunkFile = checkTrunk(config);
  const known = trunkFile === undefined ? await openBackbone(config.backbone) : undefined;
  const options = parseOptions(method, config.options);
  const { data, format, splits: folders, oneClass } = config;
  const found = await openDataset(data, { format, splits: folders, oneClass });
  for (const note of found.notes ?? []) emit.note(note);
  mustHaveTwoClasses(found, oneClass);
  const boxes: readonly Supervision[] = config.within === 'box' ? ['box'] : [];
  checkSupervision(method, found, boxes);
  const trunk =
    trunkFile === undefined
      ? undefined
      : await openTrunk(trunkFile, config.size, { ...config.trunk, ...config.input });
  for (const note of trunk?.notes ?? []) emit.note(note);
  const weights = trunk ? undefined : await startWeights(config, emit, signal);
  const pretrained = weights !== undefined || trunk !== undefined;
  const wished = method.second?.(options);
  const second = wished && (await loadSecond(wished, { pretrained, config, emit, signal }));
  const backbone = trunk?.backbone ?? known!.value;
  const opened = await leaveBadOut(found, config, emit, signal);
  // what trains beside a fold is known when its images are read
  const asked = cutOf(config);
  const cut = asked && (await cutImages(opened, { ...config, cut: asked }, emit, signal));
  const dataset = cut?.dataset ?? opened;
  checkSupervision(method, dataset, boxes);
  const description = weights?.description ?? torchvisionDescription;
  const context: MethodContext = {
    options,
    backbone,
    network: config.network,
    pixels: trunk?.pixels ?? description.input,
    padding: description.padding,
    norms: trunk ? 'frozen' : chooseNorms(config, [weights, second?.weights], emit),
    second: second?.network,
    classes: dataset.classes.length,
    hierarchy: dataset.hierarchy,
    attributes: dataset.attributes,
    parts: dataset.partNames && { names: dataset.partNames, swaps: dataset.partSwaps ?? [] },
    imagesOfClass: trainingImages(dataset),
    pretrained,
  };
  for (const note of checkStages({ method, context, config, dataset })) emit.note(note);
  reportClasses(dataset, emit);
  const hashes = cut?.hashes ?? (await readImages(dataset, config, emit, signal));
  for (const note of copyNotes(dataset, hashes)) emit.note(note);
  const splits = chooseSplits(dataset, config.seed, hashes);
  reportSplits(dataset, splits.valSource, splits.val.length, emit);
  reportUnvalidated(dataset, splits.val, emit);
  if (testImages(dataset) === 0) {
    emit.note(
      'no images are left to test on: --hold-out 0.2 (holdOut.share) keeps a fifth of each class back',
    );
  }

  const network = {
    backbone,
    classes: dataset.classes,
    parameters: allParameters(method, context, config.size),
  };
  const geometry = geometryOf(config);
  const fields = trainedAmong(method.stages(context)).flatMap((stage) => stage.fields ?? []);
  const task: Task = {
    config,
    dataset,
    train: splits.train,
    val: splits.val,
    valSource: splits.valSource,
    hashes,
    fingerprint: await fingerprint({ dataset, hashes, fields }, config.within, [
      (trunk ?? weights)?.hash ?? 'none',
      ...(second?.weights === undefined ? [] : [second.weights.hash]),
      ...[methodFile, known?.sha256].flatMap((hash) => hash ?? []),
    ]),
    method,
    context,
    geometry,
    weights,
    trunk,
    second: second?.weights,
    tables: tablesOf(network.parameters),
    freshStore: () => freshStore(network, weights, second, config.seed),
  };
  // loads once to see that everything fits
  if (weights !== undefined) {
    const report = fillFromWeights(network.parameters, new Map(), weights, network);
    for (const line of loadingNotes(report)) emit.note(line);
  }
  for (const line of fillSecond(network.parameters, new Map(), second)) emit.note(line);
  return task;
}

/** The file of an ONNX trunk, if the backbone is one; what does not go with it is an error. */
function checkTrunk({ backbone, weights, trunk }: RunConfig): string | undefined {
  const path = trunkPath(backbone);
  if (path !== undefined && weights !== 'none') {
    throw fail('FM_CONFIG', 'weights', {
      expected: `none beside the backbone '${backbone}', which brings its own`,
      got: weights,
      next: 'Leave --weights out, or name a network of ours with --backbone.',
    });
  }
  if (path === undefined && Object.keys(trunk).length > 0) {
    throw fail('FM_CONFIG', 'trunk', {
      expected: "options of an ONNX trunk only with the backbone 'onnx:FILE'",
      got: `the backbone '${backbone}'`,
      next: 'Leave them out, or pass --backbone onnx:FILE.',
    });
  }
  return path;
}

function reportSplits(dataset: Dataset, source: Task['valSource'], held: number, emit: Emit): void {
  const of = {
    official: `the dataset's own ${held} validation images choose the epoch`,
    'held-out': `${held} training images are held out to choose the epoch`,
    none: 'too few images to hold any out: the last epoch is taken',
  };
  const names = `${dataset.classes.length} classes (${firstNames(dataset.classes)})`;
  emit.note(`${dataset.name}: ${names}; ${of[source]}`);
}

function parseOptions(method: Method, options: unknown): unknown {
  const result = method.options.safeParse(options);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fail('FM_CONFIG', ['options', ...issue.path].join('.'), {
    expected: `an option of method '${method.name}'`,
    got: issue.message,
    next: "See 'Options of methods' in docs/configuration.md.",
  });
}

/** Below this many images a pass's statistics are too noisy to normalise with. */
const SMALLEST_NORM_BATCH = 8;

function chooseNorms(
  config: RunConfig,
  all: readonly (LoadedWeights | undefined)[],
  emit: Emit,
): NormMode {
  const [weights] = all;
  const folded = all.some((one) => one?.description.norms === 'frozen');
  if (config.norms === 'batch' && folded) {
    throw fail('FM_CONFIG', 'norms', {
      expected: "'frozen' or 'auto' for weights whose norms are folded away",
      got: "'batch'",
      next: 'Training their statistics would undo the network.',
    });
  }
  if (config.norms !== 'auto') return config.norms;
  const { batch = networkSettings(weights !== undefined).batch, accumulate = 1 } =
    config.stage.all ?? {};
  const few = batch / accumulate < SMALLEST_NORM_BATCH;
  const frozen = folded || (weights !== undefined && few);
  emit.note(frozen ? 'norms: statistics stay frozen' : 'norms: statistics are those of each batch');
  return frozen ? 'frozen' : 'batch';
}

/** How evaluation looks at an image of this run. */
export function geometryOf(config: RunConfig): EvaluationGeometry {
  const within = config.within === 'box' ? { within: config.within } : {};
  const geometry = { size: config.size, mode: config.view, ...within };
  return { ...geometry, resizeShort: shortSideOf(geometry) };
}

function tablesOf({ specs }: Parameters): string[] {
  return [...specs.values()]
    .filter(({ path, role }) => role === 'statistic' && !isInBackbone(path))
    .map(({ path }) => path);
}

interface Network extends Destination {
  readonly parameters: Parameters;
}

function freshStore(
  network: Network,
  weights: LoadedWeights | undefined,
  second: LoadedSecond | undefined,
  seed: number,
): ParameterStore {
  const store: ParameterStore = new Map();
  if (weights !== undefined) fillFromWeights(network.parameters, store, weights, network);
  fillSecond(network.parameters, store, second);
  initialise(network.parameters, store, seed);
  return store;
}

/** Parameters of the recogniser, and those that only training has. */
function allParameters(method: Method, context: MethodContext, size: number): Parameters {
  const parameters = new Parameters();
  recogniserGraph(method, context, parameters, size);
  for (const stage of trainedAmong(method.stages(context))) {
    if (stage.source !== 'images') continue;
    const shape = [smallestBatch(stage.settings, method), size, size, 3];
    stage.loss(parameters.root(), stageBatch(stage, shape, { space: { ...context, size } }));
  }
  return parameters;
}

/** Images of a graph that is only asked for its parameters. */
function smallestBatch({ sampler }: StageSettings, { samplers }: Method): number {
  return 2 * findSampler(sampler, samplers).unit(sampler);
}

/** What decides a run's numbers besides its configuration. */
async function fingerprint(
  { dataset, hashes, fields }: Pick<Task, 'dataset' | 'hashes'> & { fields: readonly Field[] },
  within: RunConfig['within'],
  weights: readonly string[],
): Promise<string> {
  const { hierarchy, attributes } = dataset;
  const needs = new Set(fields.flatMap((field) => field.needs));
  const hash = createHash('sha256').update(weights.join(''));
  hash.update(JSON.stringify({ hierarchy, attributes }));
  for (const example of dataset.examples) {
    const { id, label, split, box, weight } = example;
    hash.update(`\n${id} ${label} ${split} ${hashes.get(id) ?? ''}`);
    if (within === 'box') hash.update(` ${box}`);
    if (weight !== undefined) hash.update(` weight ${weight}`);
    if (fields.length > 0) hash.update(JSON.stringify(annotationsOf(example)));
    if (needs.has('mask') && example.maskPath !== undefined && split !== 'test') {
      hash.update(await hashFile(example.maskPath));
    }
  }
  return hash.digest('hex');
}

function annotationsOf({ box, parts, partBoxes, furtherLabels }: Example) {
  return { box, parts, partBoxes, furtherLabels };
}
