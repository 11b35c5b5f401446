// From a configuration to everything that training needs: images, splits, network, first numbers.

import { createHash } from 'node:crypto';
import { fail } from '../core/errors.ts';
import type { Dataset, Example } from '../core/example.ts';
import { cacheFolder } from '../data/cache-folder.ts';
import { checkClasses, checkImages, raiseProblems } from '../data/check.ts';
import { openDataset } from '../data/datasets/table.ts';
import { type EvaluationGeometry, shortSideOf } from '../data/image/preprocess.ts';
import { chooseSplits } from '../data/splits.ts';
import { type Destination, fillFromWeights, loadingNotes } from '../hub/fill.ts';
import { type LoadedWeights, loadWeights, torchvisionDescription } from '../hub/weights.ts';
import type { Method, MethodContext, StageSettings } from '../methods/method.ts';
import { networkSettings } from '../methods/settings.ts';
import { stageBatch } from '../methods/stage-batch.ts';
import { checkSupervision, findMethod } from '../methods/table.ts';
import { findBackbone } from '../nn/backbones/table.ts';
import type { NormMode } from '../nn/layers.ts';
import { initialise, type ParameterStore, Parameters } from '../nn/scope.ts';
import { recogniserGraph } from '../recognise/recogniser-graph.ts';
import type { RunConfig } from './config.ts';
import type { Emit } from './events.ts';

export interface Task {
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly train: readonly Example[];
  readonly val: readonly Example[];
  readonly valSource: 'official' | 'held-out' | 'none';
  /** SHA-256 of each image's bytes, by example id. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Changes when an image, a label or a split does. */
  readonly fingerprint: string;
  readonly method: Method;
  readonly context: MethodContext;
  readonly geometry: EvaluationGeometry;
  readonly weights: LoadedWeights | undefined;
  /** The network's numbers before any training. */
  freshStore(): ParameterStore;
}

/** Reads and checks everything; throws before any time is spent on training. */
export async function prepareTask(
  config: RunConfig,
  emit: Emit,
  signal: AbortSignal,
): Promise<Task> {
  const method = findMethod(config.method);
  const backbone = findBackbone(config.backbone);
  const dataset = await openDataset(config.data, { format: config.format });
  checkSupervision(method, dataset);
  const weights = config.weights === 'none' ? undefined : await loadWeights(config.weights);
  if (method.needsWeights === true && weights === undefined) {
    throw fail('FM_CONFIG', 'weights', {
      expected: `trained weights: method '${method.name}' starts from what they see in an image`,
      got: "'none'",
      next: 'Pass --weights FILE (docs/weights.md), or choose another method.',
    });
  }
  if (weights) {
    emit.note(`weights ${config.weights}: input described by ${weights.describedBy}`);
  } else {
    emit.note(
      'weights none: the network starts from random numbers; --weights FILE starts it from trained ones',
    );
  }
  const { hashes } = await readImages(dataset, emit, signal);
  const splits = chooseSplits(dataset, config.seed, hashes);
  reportSplits(dataset, splits.valSource, splits.val.length, emit);

  const description = weights?.description ?? torchvisionDescription;
  const context: MethodContext = {
    options: parseOptions(method, config.options),
    backbone,
    network: config.network,
    pixels: description.input,
    padding: description.padding,
    norms: chooseNorms(config, weights, emit),
    classes: dataset.classes.length,
    hierarchy: dataset.hierarchy,
    pretrained: weights !== undefined,
  };
  const network = {
    backbone,
    classes: dataset.classes,
    parameters: allParameters(method, context, config.size),
  };
  const geometry = geometryOf(config);
  const task: Task = {
    config,
    dataset,
    train: splits.train,
    val: splits.val,
    valSource: splits.valSource,
    hashes,
    fingerprint: fingerprint(dataset, hashes, weights?.hash),
    method,
    context,
    geometry,
    weights,
    freshStore: () => freshStore(network, weights, config.seed),
  };
  // loads once to see that everything fits
  if (weights !== undefined) {
    const report = fillFromWeights(network.parameters, new Map(), weights, network);
    for (const line of loadingNotes(report)) emit.note(line);
  }
  return task;
}

async function readImages(dataset: Dataset, emit: Emit, signal: AbortSignal) {
  const classes = checkClasses(dataset);
  const broken = classes.filter(({ level }) => level === 'error');
  if (broken.length > 0) {
    throw fail('FM_DATASET', dataset.root, {
      expected: 'training images for every class',
      got: `${broken.length} without: ${broken
        .slice(0, 5)
        .map((c) => c.className)
        .join(', ')}`,
      next: 'Add images to these classes or remove the classes.',
    });
  }
  for (const { className, reason } of classes) emit.note(`class '${className}' has ${reason}`);
  // the test split is not looked at: not even its files are opened while training
  const examples = dataset.examples.filter(({ split }) => split !== 'test');
  const checked = await checkImages(examples, {
    cacheFolder: cacheFolder('images'),
    signal,
    onProgress: (done, total) => emit.progress({ task: 'checking images', done, total }),
  });
  raiseProblems(checked.problems);
  return checked;
}

function reportSplits(dataset: Dataset, source: Task['valSource'], held: number, emit: Emit): void {
  const of = {
    official: `the dataset's own ${held} validation images choose the epoch`,
    'held-out': `${held} training images are held out to choose the epoch`,
    none: 'too few images to hold any out: the last epoch is taken',
  };
  emit.note(`${dataset.name}: ${dataset.classes.length} classes; ${of[source]}`);
}

function parseOptions(method: Method, options: unknown): unknown {
  const result = method.options.safeParse(options);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fail('FM_CONFIG', `options.${issue.path.join('.')}`, {
    expected: `an option of method '${method.name}'`,
    got: issue.message,
    next: "See 'Options of methods' in docs/configuration.md.",
  });
}

/** Below this many images a pass's statistics are too noisy to normalise with. */
const SMALLEST_NORM_BATCH = 8;

function chooseNorms(config: RunConfig, weights: LoadedWeights | undefined, emit: Emit): NormMode {
  const folded = weights?.description.norms === 'frozen';
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
  const geometry = { size: config.size, mode: config.view };
  return { ...geometry, resizeShort: shortSideOf(geometry) };
}

interface Network extends Destination {
  readonly parameters: Parameters;
}

function freshStore(
  network: Network,
  weights: LoadedWeights | undefined,
  seed: number,
): ParameterStore {
  const store: ParameterStore = new Map();
  if (weights !== undefined) fillFromWeights(network.parameters, store, weights, network);
  initialise(network.parameters, store, seed);
  return store;
}

/** Parameters of the recogniser, and those that only training has. */
function allParameters(method: Method, context: MethodContext, size: number): Parameters {
  const parameters = new Parameters();
  recogniserGraph(method, context, parameters, size);
  for (const stage of method.stages(context).filter(({ source }) => source === 'images')) {
    const shape = [smallestBatch(stage.settings), size, size, 3];
    stage.loss(parameters.root(), stageBatch(stage, shape, context.classes));
  }
  return parameters;
}

/** Images of a graph that is only asked for its parameters. */
function smallestBatch({ sampler }: StageSettings): number {
  return sampler.kind === 'balanced' ? 2 * sampler.samples : 2;
}

function fingerprint(
  dataset: Dataset,
  hashes: ReadonlyMap<string, string>,
  weights: string | undefined,
): string {
  const hash = createHash('sha256').update(weights ?? 'none');
  for (const { id, label, split } of dataset.examples) {
    hash.update(`\n${id} ${label} ${split} ${hashes.get(id) ?? ''}`);
  }
  return hash.digest('hex');
}
