// Weights files: the numbers of a trained backbone with a description of the input they expect.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import type { HostTensor } from '../core/tensor.ts';
import { looksLikePth, readPth } from '../formats/pth.ts';
import { readSafetensors, type Safetensors } from '../formats/safetensors.ts';
import type { ParameterStore, Parameters } from '../nn/scope.ts';
import { unfoldNorms } from './folded-norms.ts';
import { looksLikeOnnx, readOnnxTensors } from './onnx-weights.ts';

/**
 * How a file says what it holds: the value of the metadata key `fieldmark`, as JSON.
 * `docs/weights.md` documents the fields.
 */
export interface WeightsDescription {
  /** The backbone's name, as in the table. */
  readonly backbone?: string;
  readonly input: {
    /** Per channel, red first, in units of 0..1 pixels. */
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
    readonly size: number;
  };
  readonly padding: 'torch' | 'same';
  /** `frozen`: the norms' statistics must not be trained; `train`: they may be. */
  readonly norms: 'frozen' | 'train';
  readonly classes?: readonly string[];
  readonly licence?: string;
  readonly source?: string;
}

const three = z.tuple([z.number(), z.number(), z.number()]);
const descriptionSchema: z.ZodType<WeightsDescription> = z.strictObject({
  backbone: z.string().optional(),
  input: z.strictObject({ mean: three, std: three, size: z.number().int().positive() }),
  padding: z.enum(['torch', 'same']),
  norms: z.enum(['frozen', 'train']),
  classes: z.array(z.string()).optional(),
  licence: z.string().optional(),
  source: z.string().optional(),
});

export interface LoadedWeights {
  readonly path: string;
  /** SHA-256 of the file, hex. */
  readonly hash: string;
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly description: WeightsDescription;
  /** Where each part of the description came from, for the run's log. */
  readonly describedBy: string;
}

/** What torchvision's own ImageNet weights expect; the assumption for files that say nothing. */
export const torchvisionDescription: WeightsDescription = {
  input: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], size: 224 },
  padding: 'torch',
  norms: 'train',
};

/** Reads a weights file and finds out how its images are to be prepared. */
export async function loadWeights(path: string): Promise<LoadedWeights> {
  const { tensors, metadata } = await readTensors(path);
  const { description, describedBy } = describe(path, tensors, metadata);
  return { path, hash: await hashFile(path), tensors, description, describedBy };
}

/**
 * safetensors, a state dict of PyTorch's, or the initialisers of an ONNX model; anything else is
 * taken for safetensors that are damaged.
 */
async function readTensors(path: string): Promise<Safetensors> {
  const file = await open(path, 'r').catch(() => undefined);
  const start = new Uint8Array(16);
  await file?.read(start, 0, 16, 0).catch(() => {});
  await file?.close();
  if (looksLikePth(start)) return { tensors: await readPth(path), metadata: {} };
  return looksLikeOnnx(path, start) ? await readOnnxTensors(path) : await readSafetensors(path);
}

function describe(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): { description: WeightsDescription; describedBy: string } {
  const norms = normsAreFolded(tensors) || normsAreGone(tensors) ? 'frozen' : 'train';
  if (metadata.fieldmark !== undefined) {
    return { description: parseDescription(path, metadata.fieldmark), describedBy: 'its metadata' };
  }
  if (metadata.input !== undefined) {
    const { licence, source } = { licence: metadata.license, source: metadata.source };
    return {
      description: {
        input: parseInput(path, metadata.input),
        padding: /same/i.test(metadata.padding ?? '') ? 'same' : 'torch',
        norms,
        licence,
        source,
      },
      describedBy: `its metadata ('${metadata.input}')${norms === 'frozen' ? ' and its folded norms' : ''}`,
    };
  }
  return {
    description: { ...torchvisionDescription, norms },
    describedBy: "nothing in the file: torchvision's ImageNet input is assumed",
  };
}

function parseDescription(path: string, text: string): WeightsDescription {
  try {
    return descriptionSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw fail('FM_WEIGHTS', path, {
      expected: "a valid description under the metadata key 'fieldmark'",
      got: (cause as Error).message.replaceAll(/\s+/g, ' '),
      next: 'See docs/weights.md for its fields.',
      cause,
    });
  }
}

/** `RGB, x/127.5-1` in words of mean and standard deviation. */
function parseInput(path: string, text: string): WeightsDescription['input'] {
  const match = /^RGB,\s*x\s*\/\s*([\d.]+)\s*-\s*([\d.]+)$/.exec(text.trim());
  if (match === null) {
    throw fail('FM_WEIGHTS', path, {
      expected: "an input description such as 'RGB, x/127.5-1'",
      got: `'${text}'`,
      next: "Describe the file under the metadata key 'fieldmark' (docs/weights.md).",
    });
  }
  // x / a - b with x in 0..255 is (x / 255 - mean) / std with std = a / 255, mean = a b / 255
  const [a, b] = [Number(match[1]), Number(match[2])];
  const all = (v: number): [number, number, number] => [v, v, v];
  return { mean: all((a * b) / 255), std: all(a / 255), size: 224 };
}

/** True when every norm is the identity with only a shift: training its statistics would break it. */
export function normsAreFolded(tensors: ReadonlyMap<string, HostTensor>): boolean {
  const means = [...tensors].filter(([name]) => name.endsWith('.running_mean'));
  // closer than the epsilon of 1e-5 that tells folded norms (1 - epsilon) from fresh ones (1)
  const all = (name: string, value: number) =>
    (tensors.get(name)?.data as Float32Array | undefined)?.every(
      (v) => Math.abs(v - value) < 1e-6,
    ) ?? false;
  return (
    means.length > 0 &&
    means.every(
      ([name]) =>
        all(name, 0) &&
        all(name.replace('running_mean', 'running_var'), 1 - 1e-5) &&
        all(name.replace('running_mean', 'weight'), 1),
    )
  );
}

/** True when convolutions have a bias and no norm is left: it may have been folded into them. */
function normsAreGone(tensors: ReadonlyMap<string, HostTensor>): boolean {
  const names = [...tensors.keys()];
  const biased = [...tensors].some(
    ([name, { shape }]) => shape.length === 4 && tensors.has(name.replace(/\.weight$/, '.bias')),
  );
  return biased && !names.some((name) => name.endsWith('.running_mean'));
}

/** What became of a file's tensors. */
export interface LoadReport {
  readonly loaded: number;
  /** In the file, but not in the network. */
  readonly unused: readonly string[];
}

/**
 * Fills the store under `prefix` from the file. Every parameter of the network below the prefix
 * must be there with its shape; anything else is one error that names what differs. Norms that were
 * folded into convolutions come back as their shifts; `epsilon` is that of the network's norms.
 */
export function fillFromWeights(
  parameters: Parameters,
  store: ParameterStore,
  weights: LoadedWeights,
  prefix: string,
  { epsilon }: { readonly epsilon?: number } = {},
): LoadReport {
  const tensors = unfoldNorms(parameters, weights.tensors, prefix, epsilon);
  const missing: string[] = [];
  const differing: string[] = [];
  const used = new Set<string>();
  for (const { path, shape } of parameters.specs.values()) {
    if (!path.startsWith(`${prefix}.`)) continue;
    const name = path.slice(prefix.length + 1);
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      missing.push(name);
      continue;
    }
    used.add(name);
    if (tensor.dtype !== 'float32' || !sameShape(tensor.shape, shape)) {
      differing.push(`${name} is ${showShape(tensor.shape)}, not ${showShape(shape)}`);
      continue;
    }
    store.set(path, tensor);
  }
  const unused = [...tensors.keys()].filter(
    (name) => !used.has(name) && !name.endsWith('num_batches_tracked'),
  );
  if (missing.length > 0 || differing.length > 0) {
    throw mismatch(weights.path, missing, differing, unused);
  }
  checkFinite(weights.path, store, prefix);
  return { loaded: used.size, unused };
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

function checkFinite(path: string, store: ParameterStore, prefix: string): void {
  for (const [name, tensor] of store) {
    if (!name.startsWith(`${prefix}.`) || tensor.dtype !== 'float32') continue;
    if (!(tensor.data as Float32Array).every(Number.isFinite)) {
      throw fail('FM_WEIGHTS', path, {
        expected: 'finite numbers',
        got: `NaN or infinity in '${name.slice(prefix.length + 1)}'`,
        next: 'Fetch the file again or choose other weights.',
      });
    }
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
