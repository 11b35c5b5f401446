// Goldens: tensors that TypeScript and Python make alike, and random projections of large results.
// The Python half is test/goldens/golden.py; test/goldens/make.py writes the JSON read here.

import { readdirSync, readFileSync } from 'node:fs';

export const PROJECTIONS = 32;

/** FNV-1a over UTF-16 code units. */
function hashString(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** A 32-bit hash of (key, index): Weyl sequence, then the lowbias32 mixer. */
function hashIndex(key: number, index: number): number {
  let h = Math.imul(index + 1, 0x9e3779b9) ^ key;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Where a tensor's numbers lie: uniform in [low, high), optionally on `levels` values (ties). */
export interface UniformRange {
  low?: number;
  high?: number;
  levels?: number;
}

/** Numbers in [low, high) that depend on path and index alone. */
export function uniformTensor(
  path: string,
  shape: readonly number[],
  { low = -1, high = 1, levels = 0 }: UniformRange = {},
): Float32Array {
  const key = hashString(path);
  const data = new Float32Array(countOf(shape));
  for (let i = 0; i < data.length; i++) {
    let u = (hashIndex(key, i) >>> 8) / 16777216;
    if (levels) u = Math.floor(u * levels) / levels;
    data[i] = low + (high - low) * u;
  }
  return data;
}

export interface FillOptions {
  /** Range of `running_var`; a wider one keeps the activations of deep residual networks tame. */
  runningVar?: readonly [number, number];
}

/** The range of a parameter or buffer, by its torchvision name's last part and its rank. */
function fillRange(
  path: string,
  shape: readonly number[],
  options: FillOptions,
): readonly [number, number] {
  const suffix = path.slice(path.lastIndexOf('.') + 1);
  if (suffix === 'running_mean') return [-0.1, 0.1];
  if (suffix === 'running_var') return options.runningVar ?? [0.8, 1.2];
  if (shape.length >= 2) {
    const bound = Math.sqrt((shape.length === 2 ? 1 : 6) / countOf(shape.slice(1)));
    return [-bound, bound];
  }
  return suffix === 'bias' ? [-0.2, 0.2] : [0.5, 1.5];
}

/**
 * The value of the parameter or buffer called `path` (torchvision's name, OIHW layout): weights
 * uniform with variance 2 / fan-in (convolutions) or 1 / (3 fan-in) (linear), norm scales in
 * [0.5, 1.5), biases in [-0.2, 0.2), running means in [-0.1, 0.1).
 */
export function fillTensor(
  path: string,
  shape: readonly number[],
  options: FillOptions = {},
): Float32Array {
  const [low, high] = fillRange(path, shape, options);
  return uniformTensor(path, shape, { low, high });
}

/** The network input of this shape, [batch, 3, height, width], in [-2, 2). */
export function fillInput(shape: readonly number[], seed = 0): Float32Array {
  return uniformTensor(`input:${seed}`, shape, { low: -2, high: 2 });
}

/** Fixed labels in 0..classes-1. */
export function fillLabels(batch: number, classes: number): number[] {
  const key = hashString('labels');
  return Array.from({ length: batch }, (_, i) => hashIndex(key, i) % classes);
}

/** k dot products with vectors of random signs drawn from the path, divided by sqrt(n). */
export function project(data: ArrayLike<number>, path: string, k = PROJECTIONS): Float64Array {
  const key = hashString('project:' + path);
  const sums = new Float64Array(k);
  for (let i = 0; i < data.length; i++) {
    const bits = hashIndex(key, i);
    const value = data[i];
    for (let j = 0; j < k; j++) sums[j] += (((bits >>> j) & 1) * 2 - 1) * value; // no branch
  }
  return sums.map((sum) => sum / Math.sqrt(data.length));
}

/** What is known of a tensor computed in float64. Either `values` or `projections` is there. */
export interface TensorGolden {
  shape: number[];
  /** L2 norm of the exact tensor. */
  norm: number;
  /** All elements, row-major. */
  values?: number[];
  /** `project(tensor, path)`. */
  projections?: number[];
  /** Relative L2 error of PyTorch's float32 result; absolute when the norm is zero. */
  error: number;
}

/**
 * The relative L2 error of `actual` against the golden (absolute when the golden is zero). From
 * projections it is an estimate: each difference squared has expectation |error|^2 / n, and 32
 * of them give the error to about an eighth of itself (standard deviation).
 */
export function goldenError(actual: ArrayLike<number>, golden: TensorGolden, path: string): number {
  const n = countOf(golden.shape);
  if (actual.length !== n) {
    throw new RangeError(`${path}: expected ${n} numbers, got ${actual.length}`);
  }
  const expected = golden.values ?? golden.projections!;
  const got = golden.values ? actual : project(actual, path, expected.length);
  let squares = 0;
  for (let i = 0; i < expected.length; i++) squares += (got[i] - expected[i]) ** 2;
  const error = Math.sqrt((squares * n) / expected.length);
  return golden.norm > 0 ? error / golden.norm : error;
}

/**
 * What PyTorch's own error in a running statistic is taken to be at least. It follows the batch in
 * double and rounds once; two products and a sum in float32 round three times, 6e-8 each.
 */
export const STATISTIC_FLOOR = 1e-7;

/** Which program made a golden file. */
export interface GoldenHeader {
  by: string;
  command: string;
  versions: Record<string, string>;
}

/**
 * One op on generated inputs. The input called x of the case called c is
 * `uniformTensor(c + '/x', shape, range)`, the upstream gradient of its output y is
 * `uniformTensor(c + '/d:y', shape)` (1 where the output is a scalar), and a projection's path is
 * c + '/y' for outputs and c + '/grad:x' for gradients. Only the first output has an upstream
 * gradient: a training norm's other two are its updated statistics. The target of a soft cross
 * entropy is the softmax over axis 1 of the generated `target`, whose gradient goes through it.
 */
export interface OpGolden {
  name: string;
  op: string;
  attributes: Record<string, number | number[] | boolean>;
  inputs: Record<string, { shape: number[] } & UniformRange>;
  /** Inputs that are not generated: class labels. */
  labels?: number[];
  outputs: Record<string, TensorGolden>;
  gradients: Record<string, TensorGolden>;
}

/**
 * A network with parameters from `fillTensor`, input from `fillInput` and a label-smoothed cross
 * entropy, mean over the batch. Gradients and statistics are keyed by torchvision's names, which
 * are also the paths of their projections; the gradient of the image is called `input`.
 */
export interface NetworkCase {
  name: string;
  norms: 'frozen' | 'train';
  batch: number;
  height: number;
  width: number;
  /** `fillInput(shape, inputSeed)`. */
  inputSeed: number;
  /**
   * Least distance of a rectifier's input from its kink, in units of PyTorch's float32 deviation
   * there. Above 1, gradients may be compared to rounding: no unit is on in one and off in the other.
   */
  kinkMargin: number;
  labelSmoothing: number;
  runningVar: [number, number];
  /** Pattern of gradients that the file leaves out. */
  leftOut?: string | null;
  labels: number[];
  loss: TensorGolden;
  logits: TensorGolden;
  /** Median of `error` over the parameters whose exact gradient is not zero. */
  medianError: number;
  gradients: Record<string, TensorGolden>;
  /** Running means and variances after the forward pass (momentum 0.1); training norms only. */
  statistics?: Record<string, TensorGolden>;
}

export interface NetworkGolden {
  made: GoldenHeader;
  net: string;
  classes: number;
  cases: NetworkCase[];
}

const folder = new URL('../goldens/', import.meta.url);

/** Names of the golden files, in order. */
function goldenNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

function readGolden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
}

/** The goldens of single ops. */
export function readOpGoldens(): { made: GoldenHeader; cases: OpGolden[] } {
  return readGolden('ops') as { made: GoldenHeader; cases: OpGolden[] };
}

/** The goldens of one network. */
export function readNetworkGolden(net: string): NetworkGolden {
  const parts = goldenNames()
    .filter((name) => name === net || name.startsWith(`${net}-`))
    .map((name) => readGolden(name) as NetworkGolden);
  return { ...parts[0], cases: parts.flatMap(({ cases }) => cases) };
}
