// Numbers from a weights file into a network: names of other libraries, what is missing, what stays
// unused, and whether the classifier can be taken over.

import { fail } from '../core/errors.ts';
import { type Shape, sameShape } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import type { ParameterSpec, ParameterStore, Parameters } from '../nn/scope.ts';
import { findClassifier } from './classifier.ts';
import { compareWith, isWhole } from './fit.ts';
import { unfoldNorms } from './folded-norms.ts';
import { misfit } from './misfit.ts';
import { hasShape, IN_ORDER } from './naming.ts';
import { askedBelow, BACKBONE } from './network-parameters.ts';
import type { LoadedWeights } from './weights.ts';

/** What the numbers are for. */
export interface Destination {
  readonly backbone: Backbone;
  /** Names of the task's classes. */
  readonly classes: readonly string[];
  /** Where the network is in the tree of parameters. Default: `backbone`. Elsewhere it has no classifier. */
  readonly root?: string;
}

/** What became of a file's tensors. */
export interface LoadReport {
  readonly loaded: number;
  /** The library whose names the file has, where they are not torchvision's; or IN_ORDER. */
  readonly scheme: string | undefined;
  /** `loaded`, or why it starts anew; undefined where the file has no classifier. */
  readonly head: string | undefined;
  /** In the file, but not in the network. */
  readonly unused: readonly string[];
  /** The prefix of what was taken, and those of other copies of the network, where there are some. */
  readonly copies?: { readonly taken: string; readonly left: readonly string[] };
}

/** Where classifiers are in the tree of parameters. */
const HEAD = 'head.';
const AUXILIARY = 'auxiliary.';

/**
 * Fills the store from the file. Every parameter below the root must be there with its shape, and no
 * layer of another network beside them; anything else is one error that names what differs, and the
 * network that the file is of. Norms that an exporter folded into convolutions come back as their
 * shifts. The classifier is taken over where it has the task's classes, auxiliary classifiers where
 * they fit.
 */
export function fillFromWeights(
  parameters: Parameters,
  store: ParameterStore,
  file: LoadedWeights,
  { backbone, classes, root = BACKBONE }: Destination,
): LoadReport {
  const tensors = unfoldNorms(parameters, file.tensors, root, backbone.normEpsilon);
  const weights = { ...file, tensors };
  const asked = askedBelow(parameters, root);
  const found = compareWith(asked, weights, backbone);
  if (!isWhole(found)) throw misfit(file, backbone, found, root);
  const { naming } = found;
  const used = new Set<string>();
  const take = (path: string, name: string, shape: Shape) => {
    store.set(path, inShape(tensors.get(name)!, shape));
    used.add(name);
  };
  for (const { name, shape } of asked) take(`${root}.${name}`, naming.of(name), shape);
  const loaded = used.size;
  const own = root === BACKBONE ? [...parameters.specs.values()] : [];
  const heads = own.filter(({ path }) => path.startsWith(HEAD));
  const head = takeHead(heads, findClassifier(heads, naming, weights, backbone, used), {
    weights,
    classes,
    take,
  });
  for (const { path, shape } of own.filter((spec) => spec.path.startsWith(AUXILIARY))) {
    const name = naming.of(path.slice(AUXILIARY.length));
    if (isNumbers(tensors.get(name), shape)) take(path, name, shape);
  }
  checkFinite(weights.path, store);
  const unused = [...tensors.keys()].filter((name) => !used.has(name) && !isCounter(name));
  const { scheme, prefix: taken, others: left } = naming;
  return { loaded, scheme, head, unused, ...(left.length > 0 && { copies: { taken, left } }) };
}

/** What layers count while they are trained, and what profilers leave behind. */
function isCounter(name: string): boolean {
  return /(^|\.)(num_batches_tracked|total_ops|total_params)$/.test(name);
}

/** The report in a person's words, a line each. */
export function loadingNotes({ loaded, scheme, head, unused, copies }: LoadReport): string[] {
  const names = scheme === undefined ? '' : ` by ${scheme}${scheme === IN_ORDER ? '' : "'s names"}`;
  const rest =
    unused.length === 0
      ? ''
      : `; ${unused.length} in the file are not used (${unused.slice(0, 3).join(', ')})`;
  const lines = [`weights: ${loaded} tensors loaded${names}${rest}`];
  if (copies !== undefined) {
    const left = copies.left.slice(0, 3).map(below).join(', ');
    lines.push(`weights: the copy ${below(copies.taken)} is taken, not the one ${left}`);
  }
  if (head === 'loaded') lines.push('weights: the classifier is taken over, too');
  else if (head !== undefined) lines.push(`weights: the classifier starts anew, ${head}`);
  return lines;
}

function below(prefix: string): string {
  return prefix === '' ? 'without a prefix' : `below '${prefix}'`;
}

/** Whether a tensor can be had as float32 of that shape. */
function isNumbers(tensor: HostTensor | undefined, shape: Shape): boolean {
  return hasShape(tensor, shape) && /^float/.test(tensor!.dtype);
}

/**
 * The tensor as float32 of that shape. A fully-connected layer may be kept as a convolution over
 * the whole map: the same numbers in the same order.
 */
function inShape(tensor: HostTensor, shape: Shape): HostTensor {
  const numbers = tensor.data as Float32Array | Float64Array;
  const same = tensor.dtype === 'float32' && sameShape(tensor.shape, shape);
  return same ? tensor : float32(shape, numbers);
}

interface HeadOptions {
  readonly weights: LoadedWeights;
  readonly classes: readonly string[];
  readonly take: (path: string, name: string, shape: Shape) => void;
}

/** `names`: the file's, of the classifier's parameters. */
function takeHead(
  heads: readonly ParameterSpec[],
  names: readonly string[],
  { weights, classes, take }: HeadOptions,
): string | undefined {
  const found = names.map((name) => weights.tensors.get(name));
  const [first] = found;
  if (first === undefined) return undefined;
  const known = weights.description.classes;
  if (first.shape[0] !== classes.length) {
    return `because the file's has ${first.shape[0]} classes and the data ${classes.length}`;
  }
  if (known?.some((name, i) => name !== classes[i])) {
    return "because the file's is for other classes";
  }
  if (!heads.every(({ shape }, i) => isNumbers(found[i], shape))) {
    return 'because this method has another one';
  }
  heads.forEach(({ path, shape }, i) => {
    take(path, names[i], shape);
  });
  return 'loaded';
}

function checkFinite(path: string, store: ParameterStore): void {
  for (const [name, tensor] of store) {
    if (!allFinite(tensor.data as Float32Array)) {
      throw fail('FM_WEIGHTS', path, {
        expected: 'finite numbers',
        got: `NaN or infinity in '${name.slice(name.indexOf('.') + 1)}'`,
        next: 'Fetch the file again or choose other weights.',
      });
    }
  }
}

/** A plain loop: a call for each of 10^8 numbers would take seconds. */
function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false;
  return true;
}
