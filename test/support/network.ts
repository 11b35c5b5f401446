// A backbone with a linear head, built as a golden case or a peer describes it, and one step of it
// on ONNX Runtime. Gradients carry torchvision's names, so that both sides are looked up alike.

import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import type { Lowering } from '../../src/graph/lowered.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { input } from '../../src/graph/ops/leaf.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import type { Backbone } from '../../src/nn/backbones/backbone.ts';
import { linear } from '../../src/nn/layers.ts';
import { crossEntropy, smoothTargets } from '../../src/nn/losses.ts';
import { Parameters } from '../../src/nn/scope.ts';
import { createSession } from '../../src/runtime/node.ts';
import { type FillOptions, fillTensor } from './golden.ts';

/**
 * Other forms of a network, called alike in networks.py: the last stage without its stride, as it is
 * or with dilated kernels behind, and classifiers on inner maps in training.
 */
export type Form = 'dilate' | 'remove' | 'auxiliaries';

/** Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5). */
const AUXILIARY = 0.3;

/** What decides every number of the step; a `NetworkCase` has all of it. */
export interface NetworkSetting {
  norms: 'frozen' | 'train';
  batch: number;
  height: number;
  width: number;
  labelSmoothing: number;
  labels: readonly number[];
  runningVar: FillOptions['runningVar'];
  /** Default: the published form, without auxiliary classifiers. */
  form?: Form;
}

/** Numbers of one tensor by torchvision's name; the gradient of the image is called `input`. */
export type Numbers = Map<string, Float32Array>;

export interface NetworkStep {
  loss: Float32Array;
  logits: Float32Array;
  gradients: Numbers;
  /** Running statistics after the step, with training norms. */
  statistics: Numbers;
}

/** torchvision's name of a path below our scopes `backbone`, `head` and `side`. */
function torchName(backbone: Backbone, path: string): string {
  return path.replace(/^(backbone|side)\./, '').replace(/^head\./, `${backbone.headPath}.`);
}

/** The forward and the backward pass of the case, as values, and the parameters that they ask for. */
export function networkGraph(backbone: Backbone, setting: NetworkSetting, classes: number) {
  const { batch, height, width, labels, labelSmoothing, norms, form } = setting;
  const parameters = new Parameters();
  const root = parameters.root();
  const image = input('image', [batch, 3, height, width]);
  const build = {
    norms: norms === 'train' ? 'batch' : 'frozen',
    padding: 'torch',
    lastStage: form === 'dilate' || form === 'remove' ? form : 'stride',
  } as const;
  const { pooled, auxiliaries } = backbone.features(root.child('backbone'), image, build);
  const logits = linear(root.child('head'), pooled, classes);
  const targets = input('targets', [batch, classes]);
  const inner = form === 'auxiliaries' ? auxiliaries!(root.child('side'), classes) : [];
  const loss = inner.reduce(
    (total, at) => add(total, mul(crossEntropy(at, targets), AUXILIARY)),
    crossEntropy(logits, targets),
  );
  const trained = parameters.trainable();
  const wrt = [image, ...trained.map(({ value }) => value)];
  const names = ['input', ...trained.map(({ spec }) => torchName(backbone, spec.path))];
  const found = gradients(loss, wrt);
  const outputs: Record<string, Value> = { loss, logits };
  names.forEach((name, i) => {
    outputs[`grad:${name}`] = found[i];
  });
  for (const [path, value] of parameters.updates) {
    outputs[`stat:${torchName(backbone, path)}`] = value;
  }
  const feeds: Record<string, HostTensor> = {
    targets: float32([batch, classes], smoothTargets(labels, classes, labelSmoothing)),
  };
  for (const { path, shape } of parameters.specs.values()) {
    const name = torchName(backbone, path);
    feeds[path] = float32(shape, fillTensor(name, shape, { runningVar: setting.runningVar }));
  }
  return { outputs, feeds, parameters };
}

/** The same graph in plain float64, op by op: for networks that have no twin in torchvision. */
export function oracleStep(
  backbone: Backbone,
  setting: NetworkSetting,
  classes: number,
  image: Float32Array,
): Map<string, Float64Array> {
  const { outputs, feeds } = networkGraph(backbone, setting, classes);
  const numbers: Record<string, ArrayLike<number>> = { image };
  for (const [name, { data }] of Object.entries(feeds)) numbers[name] = data as Float32Array;
  const names = Object.keys(outputs);
  return new Map(evaluate(Object.values(outputs), numbers).map(({ data }, i) => [names[i], data]));
}

/** Runs the step once. The statistics of frozen norms are constants, as in a training step. */
export async function networkStep(
  backbone: Backbone,
  setting: NetworkSetting,
  classes: number,
  image: Float32Array,
  lowering: Lowering = 'portable',
): Promise<NetworkStep> {
  const { outputs, feeds, parameters } = networkGraph(backbone, setting, classes);
  feeds.image = float32([setting.batch, 3, setting.height, setting.width], image);
  const constant = (path: string) =>
    setting.norms === 'frozen' && parameters.specs.get(path)?.role === 'statistic';
  const model = lower(outputs, {
    constants: (path) => (constant(path) ? feeds[path] : undefined),
    lowering,
  });
  const session = await createSession(model.bytes, { threads: 1 });
  const results = await session.run(feeds);
  await session.close();
  const under = (prefix: string): Numbers =>
    new Map(
      Object.keys(outputs)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), results[name].data as Float32Array]),
    );
  return {
    loss: results.loss.data as Float32Array,
    logits: results.logits.data as Float32Array,
    gradients: under('grad:'),
    statistics: under('stat:'),
  };
}
