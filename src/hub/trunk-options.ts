// What a person, or the file, says about an ONNX trunk. The person wins.

import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import type { ModelProto } from '../graph/onnx/generated/onnx_pb.ts';
import type { TokenChoice } from '../nn/backbones/foreign.ts';
import { positiveTriple, type Triple, triple } from './input-options.ts';

/** How an ONNX file is to be used; `docs/configuration.md` documents the fields. */
export interface TrunkOptions {
  /** Name of the tensor that holds the features. */
  readonly feature?: string;
  /** Name of the tensor that holds the map for the evidence. */
  readonly map?: string;
  readonly token?: TokenChoice;
  /** Where the channels of the input are. */
  readonly layout?: 'nchw' | 'nhwc';
}

/** Checks the options of a configuration. */
export const trunkOptions: z.ZodType<TrunkOptions> = z.strictObject({
  feature: z.string().min(1).optional(),
  map: z.string().min(1).optional(),
  token: z.enum(['first', 'mean']).optional(),
  layout: z.enum(['nchw', 'nhwc']).optional(),
});

/** What a file says about itself. */
export interface TrunkDescription {
  readonly mean?: Triple;
  readonly std?: Triple;
  readonly size?: number;
  readonly licence?: string;
  readonly source?: string;
}

/** That of weights files; what a frozen network does not need may be there and may be absent. */
const described = z.strictObject({
  backbone: z.string().optional(),
  input: z.strictObject({
    mean: triple.optional(),
    std: positiveTriple.optional(),
    size: z.number().int().positive().optional(),
  }),
  padding: z.string().optional(),
  norms: z.string().optional(),
  classes: z.array(z.string()).optional(),
  licence: z.string().optional(),
  source: z.string().optional(),
});

/**
 * Reads the model's metadata: the key `fieldmark` with JSON as in weights files, or else the keys
 * `mean`, `std`, `input_size`, `license` and `source`.
 */
export function describeTrunk({ metadataProps }: ModelProto, path: string): TrunkDescription {
  const metadata = new Map(metadataProps.map(({ key, value }) => [key, value]));
  const own = metadata.get('fieldmark');
  if (own !== undefined) {
    const { input, licence, source } = parseOwn(own, path);
    return { ...input, licence, source };
  }
  const size = numbersIn(metadata.get('input_size'));
  return {
    mean: tripleIn(metadata.get('mean')),
    std: tripleIn(metadata.get('std')),
    size: size.length === 3 && size[1] === size[2] ? size[1] : undefined,
    licence: metadata.get('licence') ?? metadata.get('license'),
    source: metadata.get('source'),
  };
}

function parseOwn(text: string, path: string) {
  try {
    return described.parse(JSON.parse(text));
  } catch (cause) {
    throw fail('FM_TRUNK', path, {
      expected: "a valid description under the metadata key 'fieldmark'",
      got: (cause as Error).message.replaceAll(/\s+/g, ' '),
      next: 'See docs/weights.md for its fields.',
      cause,
    });
  }
}

/** `(0.485, 0.456, 0.406)`, in whatever brackets. */
function tripleIn(text: string | undefined): Triple | undefined {
  const numbers = numbersIn(text);
  return numbers.length === 3 ? (numbers as unknown as Triple) : undefined;
}

function numbersIn(text: string | undefined): number[] {
  const parts = (text ?? '').replace(/^\s*[[(]|[\])]\s*$/g, '').split(',');
  const numbers = parts.filter((part) => part.trim() !== '').map(Number);
  return numbers.every(Number.isFinite) ? numbers : [];
}

const PREFIX = 'onnx:';

/** The file of `onnx:FILE`, or undefined for the name of a network of ours. */
export function trunkPath(backbone: string): string | undefined {
  return backbone.startsWith(PREFIX) ? backbone.slice(PREFIX.length) : undefined;
}

/** The same with an absolute path. */
export function absoluteTrunk(backbone: string): string {
  const path = trunkPath(backbone);
  return path === undefined || isAbsolute(path) ? backbone : `${PREFIX}${resolve(path)}`;
}
