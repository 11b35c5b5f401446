// What a repository of the model hub holds: one request for commit, files with sizes and hashes, and
// licence.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomic } from '../formats/atomic-file.ts';
import { get, type HttpOptions, HttpProblem, Watch, withPatience } from './http.ts';
import type { HubName } from './weights-name.ts';

const HUB = 'https://huggingface.co';

/** A repository at a commit. */
export interface HubListing {
  readonly commit: string;
  /** As the model card says it. */
  readonly licence?: string;
  readonly files: readonly HubFile[];
}

export interface HubFile {
  readonly name: string;
  readonly bytes?: number;
  /** Known of large files. */
  readonly sha256?: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const listingSchema: z.ZodType<HubListing> = z.object({
  commit: z.string().regex(COMMIT),
  licence: z.string().optional(),
  files: z.array(
    z.object({
      name: z.string(),
      bytes: z.number().int().nonnegative().optional(),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
  ),
});

/** What the hub answers, as far as it matters here. */
const answerSchema = z.object({
  sha: z.string(),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().nullish(),
      lfs: z.object({ sha256: z.string().nullish(), size: z.number().nullish() }).nullish(),
    }),
  ),
  cardData: z.object({ license: z.unknown(), license_name: z.unknown() }).partial().nullish(),
});

/** The token that a person has put into the environment for the hub. */
export function hubToken(): string | undefined {
  return process.env.HF_TOKEN || undefined;
}

/** Address of a file at a branch, tag or commit. */
export function hubFileUrl(repository: string, revision: string, file: string): string {
  return `${HUB}/${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** Asks the hub. Throws an `HttpProblem`. */
export async function askHub(
  { repository, revision }: HubName,
  options: HttpOptions,
): Promise<HubListing> {
  const url = `${HUB}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const text = await withPatience(() => fetchText(url, options), options);
  try {
    const { sha, siblings, cardData } = answerSchema.parse(JSON.parse(text));
    const files = siblings.map(({ rfilename, size, lfs }) => ({
      name: rfilename,
      bytes: lfs?.size ?? size ?? undefined,
      sha256: lfs?.sha256 ?? undefined,
    }));
    return listingSchema.parse({ commit: sha, files, licence: licenceOf(cardData ?? {}) });
  } catch {
    throw new HttpProblem('an answer that describes no repository');
  }
}

function licenceOf({ license, license_name: own }: { license?: unknown; license_name?: unknown }) {
  const one = Array.isArray(license) ? license.join(', ') : license;
  const named = one === 'other' && typeof own === 'string' ? own : one;
  return typeof named === 'string' ? named : undefined;
}

/** Characters of the longest answer that is believed. */
const LONGEST = 2 ** 24;

async function fetchText(url: string, options: HttpOptions): Promise<string> {
  const watch = new Watch(options);
  try {
    const response = await get(url, {}, { ...options, token: hubToken(), signal: watch.signal });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) {
      watch.heard();
      text += decoder.decode(chunk, { stream: true });
      if (text.length > LONGEST) throw new HttpProblem('an answer without end');
    }
    return text;
  } finally {
    watch.stop();
  }
}

/** Not the name of a file that a repository's name may lead to. */
const RECORD = '.listing.json';

/** The listing that was kept beside files of the cache; undefined without a good one. */
export async function keptListing(folder: string): Promise<HubListing | undefined> {
  try {
    return listingSchema.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps it beside the files, so that they are known again without a network. */
export async function keepListing(folder: string, listing: HubListing): Promise<void> {
  await writeAtomic(join(folder, RECORD), JSON.stringify(listing));
}
