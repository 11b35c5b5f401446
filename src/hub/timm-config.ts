// config.json of timm's repositories: what the weights want to see.

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { fail } from '../core/errors.ts';
import type { WeightsDescription } from './weights-description.ts';

/** What a repository says about its weights. */
export interface TimmConfig {
  /** timm's name of the network. */
  readonly architecture: string | undefined;
  readonly input: WeightsDescription['input'];
  /** How images were resized: `bilinear`, `bicubic`. For people: there is one way of resizing here. */
  readonly interpolation: string | undefined;
  /** Classes that the network was trained on. */
  readonly classCount: number | undefined;
  readonly licence: string | undefined;
}

const three = (one: z.ZodNumber) => z.tuple([one, one, one]);
const side = z.number().int().positive();
const inputSchema = z.object({
  mean: three(z.number()),
  std: three(z.number().positive()),
  input_size: z.tuple([z.literal(3), side, side]),
  interpolation: z.string().nullish(),
  num_classes: z.number().int().nullish(),
  license: z.string().nullish(),
});
const configSchema = z.object({
  architecture: z.string().nullish(),
  num_classes: z.number().int().nullish(),
  pretrained_cfg: z.unknown().optional(),
});

/**
 * Reads it; undefined when there is no file, or one that says nothing of the kind, as other
 * libraries' do. Throws `FM_FORMAT`.
 */
export async function readTimmConfig(path: string): Promise<TimmConfig | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const config = configSchema.parse(JSON.parse(text));
    // repositories from before 2023 have everything on one level
    const inner = config.pretrained_cfg ?? JSON.parse(text);
    if (inner.mean === undefined) return undefined;
    const { mean, std, input_size, interpolation, num_classes, license } = inputSchema.parse(inner);
    return {
      architecture: config.architecture ?? undefined,
      input: { mean, std, size: input_size[1] },
      interpolation: interpolation ?? undefined,
      classCount: config.num_classes ?? num_classes ?? undefined,
      licence: license ?? undefined,
    };
  } catch (cause) {
    throw fail('FM_FORMAT', path, {
      expected: "timm's description of an RGB network in JSON",
      got: (cause as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200),
      next: 'Delete the file to fetch it again, or describe the weights with another file.',
      cause,
    });
  }
}
