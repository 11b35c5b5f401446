// Weights files: the numbers of a trained backbone with a description of the input they expect.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import type { HostTensor } from '../core/tensor.ts';
import { otherFile, START_LENGTH } from '../formats/other-files.ts';
import { looksLikePth, type Pth, readPth } from '../formats/pth.ts';
import { readSafetensors, type Safetensors } from '../formats/safetensors.ts';
import { looksLikeOnnx, readOnnxTensors } from './onnx-weights.ts';
import type { ResolvedWeights } from './resolved-weights.ts';
import { torchvisionDescription, type WeightsDescription } from './weights-description.ts';
import { unwrapped, withoutWrappers } from './wrapped-names.ts';

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
  /** What in the file is no tensor that can be read, by name: its type, or what would make it. */
  readonly unread?: ReadonlyMap<string, string>;
  /** What was taken out of a file that holds more, for the run's log. */
  readonly taken?: string;
  readonly description: WeightsDescription;
  /** Where each part of the description came from, for the run's log. */
  readonly describedBy: string;
}

/**
 * Reads a weights file and finds out how its images are to be prepared. What the file says itself
 * wins over what `given` says, and that over what is assumed.
 */
export async function loadWeights(
  path: string,
  given: Pick<ResolvedWeights, 'description' | 'describedBy'> = {},
): Promise<LoadedWeights> {
  const { metadata, ...found } = await readTensors(path);
  const tensors = unwrapped(found.tensors);
  const unread = new Map([...found.unread].map(([name, type]) => [withoutWrappers(name), type]));
  const { description, describedBy } = describeWith(given, describe(path, tensors, metadata));
  return { path, ...found, tensors, unread, description, describedBy };
}

type Read = Safetensors & { readonly hash: string; readonly taken?: string };

/**
 * safetensors, a state dict of PyTorch's, or the initialisers of an ONNX model; anything else is
 * taken for safetensors that are damaged, unless its start says what it is.
 */
async function readTensors(path: string): Promise<Read> {
  const file = await open(path, 'r').catch(() => undefined);
  const start = new Uint8Array(START_LENGTH);
  await file?.read(start, 0, START_LENGTH, 0).catch(() => {});
  await file?.close();
  const hash = createHash('sha256'); // of what is read anyway
  if (looksLikePth(start)) {
    const found = await readPth(path, { hash });
    const { tensors, unread } = found;
    return { tensors, unread, metadata: {}, hash: hash.digest('hex'), taken: takenFrom(found) };
  }
  const other = otherFile(path, start);
  if (other !== undefined) throw other;
  if (looksLikeOnnx(path, start)) return { ...(await readOnnxTensors(path)), unread: new Map() };
  const found = await readSafetensors(path, { hash, foreign: true });
  return { ...found, hash: hash.digest('hex') };
}

/** Says which state dict it is where there are several. */
function takenFrom({ place, others }: Pth): string | undefined {
  if (others.length === 0) return undefined;
  const taken = place === '' ? 'what is outermost in the file' : `'${place}' of the file`;
  const rest = others
    .slice(0, 3)
    .map((other) => (other === '' ? 'what is outermost' : `'${other}'`));
  return `${taken} is taken; ${rest.join(', ')}${others.length > 3 ? ', ...' : ''} beside it is not`;
}

interface Described {
  readonly description: WeightsDescription;
  readonly describedBy: string;
}

const NOTHING = "nothing in the file: torchvision's ImageNet input is assumed";

/** The file's own description, with licence and source of the other; or the other. */
function describeWith(
  { description: given = {}, describedBy = 'its name' }: Partial<ResolvedWeights>,
  own: Described,
): Described {
  if (own.describedBy === NOTHING && given.input !== undefined) {
    // what the numbers show, nobody else knows better
    const norms = given.norms === 'frozen' ? 'frozen' : own.description.norms;
    return { description: { ...own.description, ...given, norms }, describedBy };
  }
  const { licence = given.licence, source: said } = own.description;
  // a name that can be fetched again stays, beside what the file says of itself
  const source = given.source && said ? `${given.source} (${said})` : (given.source ?? said);
  return { ...own, description: { ...own.description, licence, source } };
}

function describe(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): Described {
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
    describedBy: NOTHING,
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

/** True when convolutions have a bias and no norm is left: an exporter folded the norms into them. */
function normsAreGone(tensors: ReadonlyMap<string, HostTensor>): boolean {
  const names = [...tensors.keys()];
  const biased = [...tensors].some(
    ([name, { shape }]) => shape.length === 4 && tensors.has(name.replace(/\.weight$/, '.bias')),
  );
  return biased && !names.some((name) => name.endsWith('.running_mean'));
}
