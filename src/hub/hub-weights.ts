// Weights from a repository of the model hub: which file, at which commit, with which description.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { fail } from '../core/errors.ts';
import { cacheFolder } from '../formats/cache-folder.ts';
import { download, serverError } from './download.ts';
import type { DownloadOptions, DownloadRequest } from './download-request.ts';
import { HttpProblem } from './http.ts';
import {
  askHub,
  type HubListing,
  hubFileUrl,
  hubToken,
  keepListing,
  keptListing,
} from './hub-listing.ts';
import { describeKnown, findKnownWeights } from './known-weights.ts';
import { LARGEST, type ResolvedWeights } from './resolved-weights.ts';
import { readTimmConfig, type TimmConfig } from './timm-config.ts';
import type { HubName } from './weights-name.ts';

/** Bytes that no description exceeds. */
const LARGEST_CONFIG = 2 ** 20;

/** A repository's file, and the description beside it; fetched where the cache lacks them. */
export async function hubWeights(
  name: HubName,
  options: DownloadOptions,
): Promise<ResolvedWeights> {
  const folder = hubFolder(name);
  const listing = await listingOf(name, folder, options);
  const file = name.file ?? (await usualFile(name, folder, listing));
  const sha256 = await download(requestFor(name, folder, listing, file), options);
  const config = await configOf(name, folder, listing, options);
  // a cache that has everything is not written to
  if (listing !== undefined && !isDeepStrictEqual(listing, await keptListing(folder))) {
    await keepListing(folder, listing);
  }
  const exact = `hf:${name.repository}/${file}@${listing?.commit ?? name.revision}`;
  const known = describeKnown(findKnownWeights(`hf:${name.repository}`), exact);
  const licence = listing?.licence ?? config?.licence ?? known.description?.licence;
  return {
    path: join(folder, file),
    name: exact,
    sha256,
    description: { ...known.description, ...(config && { input: config.input }), licence },
    describedBy: config === undefined ? known.describedBy : sayConfig(name, config),
    architecture: config?.architecture,
  };
}

function hubFolder({ repository, revision }: HubName): string {
  const place = encodeURIComponent(revision);
  return join(cacheFolder('weights'), 'hf', ...repository.split('/'), place);
}

function requestFor(
  { repository, revision }: HubName,
  folder: string,
  listing: HubListing | undefined,
  file: string,
): DownloadRequest {
  const listed = listing?.files.find(({ name }) => name === file);
  if (listing !== undefined && listed === undefined) throw notThere(repository, listing, file);
  return {
    url: hubFileUrl(repository, listing?.commit ?? revision, file),
    target: join(folder, ...file.split('/')),
    label: `${repository}/${file}`,
    sha256: listed?.sha256,
    bytes: listed?.bytes,
    limit: file === CONFIG ? LARGEST_CONFIG : LARGEST,
    token: hubToken(),
  };
}

/**
 * What the repository holds: as it was when its weights were fetched, so that a name keeps its
 * meaning; else as the hub says. Undefined where nobody can say.
 */
async function listingOf(name: HubName, folder: string, options: DownloadOptions) {
  const kept = await keptListing(folder);
  const enough = name.file === undefined || kept?.files.some((file) => file.name === name.file);
  if ((kept !== undefined && enough) || options.offline) return kept;
  try {
    return await askHub(name, noteAbout(name, options));
  } catch (cause) {
    if (!(cause instanceof HttpProblem)) throw cause;
    const file = name.file ?? (await placedFile(folder)) ?? USUAL[0];
    if (!cause.passing || !(await exists(join(folder, file)))) {
      throw serverError(requestFor(name, folder, undefined, file), cause);
    }
    options.note?.(`${name.repository}: ${cause.message}; taking what stands in the cache`);
    return undefined;
  }
}

function noteAbout({ repository }: HubName, options: DownloadOptions): DownloadOptions {
  return { ...options, note: (text) => options.note?.(`${repository}: ${text}`) };
}

const CONFIG = 'config.json';
const USUAL = ['model.safetensors', 'pytorch_model.bin'] as const;

async function usualFile({ repository }: HubName, folder: string, listing?: HubListing) {
  if (listing === undefined) return (await placedFile(folder)) ?? USUAL[0];
  const found = USUAL.find((file) => listing.files.some(({ name }) => name === file));
  if (found === undefined) throw notThere(repository, listing, USUAL.join(' or '));
  return found;
}

/** The usual file that a person has put there. */
async function placedFile(folder: string): Promise<string | undefined> {
  for (const file of USUAL) if (await exists(join(folder, file))) return file;
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function notThere(repository: string, { commit, files }: HubListing, wanted: string) {
  const names = files.map(({ name }) => name);
  const shown = names.slice(0, 6).join(', ') + (names.length > 6 ? ', ...' : '');
  return fail('FM_DOWNLOAD', repository, {
    expected: `${wanted} in the repository`,
    got: `${shown || 'no files'} at ${commit}`,
    next: `Name one of its files, as in hf:${repository}/<file>.`,
  });
}

async function configOf(
  name: HubName,
  folder: string,
  listing: HubListing | undefined,
  options: DownloadOptions,
): Promise<TimmConfig | undefined> {
  const path = join(folder, CONFIG);
  if (listing === undefined) {
    if (!(await exists(path))) {
      const { url } = requestFor(name, folder, undefined, CONFIG);
      options.note?.(`${name.repository}: without ${path} (from ${url}) the input is assumed`);
    }
  } else if (listing.files.some((file) => file.name === CONFIG)) {
    await download(requestFor(name, folder, listing, CONFIG), options);
  } else return undefined;
  return await readTimmConfig(path);
}

function sayConfig({ repository }: HubName, config: TimmConfig): string {
  const { input, interpolation, classCount } = config;
  const facts = [
    `${input.size} pixels`,
    ...(interpolation === undefined ? [] : [interpolation]),
    ...(classCount === undefined ? [] : [`${classCount} classes`]),
  ];
  return `${CONFIG} of ${repository} (${facts.join(', ')})`;
}
