// Numbers from a weights file into a network: names of other libraries, what is missing, what stays
// unused, and whether the classifier can be taken over.

import { fail } from '../core/errors.ts';
import { type Shape, sameShape, showShape, sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import type { NameScheme } from '../nn/backbones/foreign-names.ts';
import type { ParameterSpec, ParameterStore, Parameters } from '../nn/scope.ts';
import { unfoldNorms } from './folded-norms.ts';
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
  /** The library whose names the file has, where they are not torchvision's. */
  readonly scheme: string | undefined;
  /** `loaded`, or why it starts anew; undefined where the file has no classifier. */
  readonly head: string | undefined;
  /** In the file, but not in the network. */
  readonly unused: readonly string[];
}

/** Where networks and their classifiers are in the tree of parameters. */
const BACKBONE = 'backbone';
const HEAD = 'head.';
const AUXILIARY = 'auxiliary.';

/**
 * Fills the store from the file. Every parameter below the root must be there with its shape;
 * anything else is one error that names what differs. Norms that an exporter folded into convolutions
 * come back as their shifts. The classifier is taken over where it has the
 * task's classes, auxiliary classifiers where they fit.
 */
export function fillFromWeights(
  parameters: Parameters,
  store: ParameterStore,
  file: LoadedWeights,
  { backbone, classes, root = BACKBONE }: Destination,
): LoadReport {
  const tensors = unfoldNorms(parameters, file.tensors, root, backbone.normEpsilon);
  const weights = { ...file, tensors };
  const specs = [...parameters.specs.values()];
  const below = `${root}.`;
  const needed = specs.filter(({ path }) => path.startsWith(below));
  const naming = findNaming(needed, weights, backbone.foreignNames ?? [], below);
  const missing: string[] = [];
  const differing: string[] = [];
  const used = new Set<string>();
  for (const { path, shape } of needed) {
    const name = naming.of(path.slice(below.length));
    const tensor = weights.tensors.get(name);
    if (tensor === undefined) {
      missing.push(name);
      continue;
    }
    used.add(name);
    const fitted = inShape(tensor, shape);
    if (fitted === undefined) {
      const numbers = /^float/.test(tensor.dtype) ? '' : ` of ${tensor.dtype}`;
      differing.push(`${name} is ${showShape(tensor.shape)}${numbers}, not ${showShape(shape)}`);
    } else store.set(path, fitted);
  }
  const others = () =>
    [...weights.tensors.keys()].filter(
      (name) => !used.has(name) && !name.endsWith('num_batches_tracked'),
    );
  if (missing.length > 0 || differing.length > 0) {
    throw mismatch(weights.path, missing, differing, others());
  }
  const loaded = used.size;
  const headName = (name: string) => naming.of(`${backbone.headPath}.${name.slice(HEAD.length)}`);
  const own = root === BACKBONE ? specs : [];
  const heads = own.filter(({ path }) => path.startsWith(HEAD));
  const head = takeHead(heads, headName, store, weights, classes, used);
  for (const { path, shape } of own.filter((spec) => spec.path.startsWith(AUXILIARY))) {
    const name = naming.of(path.slice(AUXILIARY.length));
    const fitted = inShape(weights.tensors.get(name), shape);
    if (fitted === undefined) continue;
    store.set(path, fitted);
    used.add(name);
  }
  checkFinite(weights.path, store);
  return { loaded, scheme: naming.scheme, head, unused: others() };
}

/** The report in a person's words, a line each. */
export function loadingNotes({ loaded, scheme, head, unused }: LoadReport): string[] {
  const names = scheme === undefined ? '' : ` by ${scheme}'s names`;
  const rest =
    unused.length === 0
      ? ''
      : `; ${unused.length} in the file are not used (${unused.slice(0, 3).join(', ')})`;
  const lines = [`weights: ${loaded} tensors loaded${names}${rest}`];
  if (head === 'loaded') lines.push('weights: the classifier is taken over, too');
  else if (head !== undefined) lines.push(`weights: the classifier starts anew, ${head}`);
  return lines;
}

/** How a file calls the parameters of a network. */
export interface Naming {
  readonly scheme: string | undefined;
  /** The file's name for a parameter of ours. */
  readonly of: (name: string) => string;
}

/** The naming under which the file has most of what is needed, with a prefix where it has one. */
export function findNaming(
  needed: readonly ParameterSpec[],
  { tensors }: LoadedWeights,
  foreign: readonly NameScheme[],
  below = `${BACKBONE}.`,
): Naming {
  const ours = needed.map(({ path }) => path.slice(below.length));
  const own = { name: undefined, of: (name: string) => name };
  let best: Naming & { readonly hits: number } = { scheme: undefined, of: own.of, hits: 0 };
  for (const scheme of [own, ...foreign]) {
    const [first] = ours.map(scheme.of);
    const prefixes = [...tensors.keys()]
      .filter((name) => name === first || name.endsWith(`.${first}`))
      .map((name) => name.slice(0, name.length - first.length));
    for (const prefix of prefixes) {
      const of = (name: string) => prefix + scheme.of(name);
      const hits = ours.filter((name) => tensors.has(of(name))).length;
      if (hits > best.hits) best = { scheme: scheme.name, of, hits };
    }
  }
  return best;
}

/**
 * The tensor as float32 of that shape. A fully-connected layer may be kept as a convolution over
 * the whole map: the same numbers in the same order.
 */
function inShape(tensor: HostTensor | undefined, shape: Shape): HostTensor | undefined {
  if (tensor === undefined || (tensor.dtype !== 'float32' && tensor.dtype !== 'float64')) {
    return undefined;
  }
  const same = sameShape(tensor.shape, shape);
  const flattened = tensor.shape[0] === shape[0] && sizeOf(tensor.shape) === sizeOf(shape);
  if (!same && !flattened) return undefined;
  if (tensor.dtype === 'float64') {
    return float32(shape, Float32Array.from(tensor.data as Float64Array));
  }
  return same ? tensor : float32(shape, tensor.data as Float32Array);
}

function takeHead(
  heads: readonly ParameterSpec[],
  nameOf: (path: string) => string,
  store: ParameterStore,
  weights: LoadedWeights,
  classes: readonly string[],
  used: Set<string>,
): string | undefined {
  const found = heads.map(({ path }) => weights.tensors.get(nameOf(path)));
  const [first] = found;
  if (first === undefined) return undefined;
  const known = weights.description.classes;
  if (first.shape[0] !== classes.length) {
    return `because the file's has ${first.shape[0]} classes and the data ${classes.length}`;
  }
  if (known?.some((name, i) => name !== classes[i])) {
    return "because the file's is for other classes";
  }
  const fitted = heads.map(({ shape }, i) => inShape(found[i], shape));
  if (fitted.includes(undefined)) return 'because this method has another one';
  heads.forEach(({ path }, i) => {
    store.set(path, fitted[i]!);
    used.add(nameOf(path));
  });
  return 'loaded';
}

function mismatch(
  path: string,
  missing: readonly string[],
  differing: readonly string[],
  unused: readonly string[],
) {
  const list = (label: string, items: readonly string[]) =>
    items.length === 0
      ? []
      : [
          `${items.length} ${label}: ${items.slice(0, 4).join(', ')}${items.length > 4 ? ', ...' : ''}`,
        ];
  return fail('FM_WEIGHTS', path, {
    expected: 'weights of the chosen backbone',
    got: [
      ...list('missing', missing),
      ...list('of another shape', differing),
      ...list('not in the network', unused),
    ].join('; '),
    next: /\.onnx$/.test(path)
      ? 'Choose their backbone with --backbone, or export them under their names ' +
        '(docs/weights.md); or use the file as it is: --backbone onnx:FILE.'
      : 'Choose the backbone that these weights belong to with --backbone.',
  });
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
