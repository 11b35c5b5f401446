// From the name of weights to a file on this disk, with what is known about it.

import { join } from 'node:path';
import { cacheFolder } from '../formats/cache-folder.ts';
import { download } from './download.ts';
import type { DownloadOptions } from './download-request.ts';
import { hubWeights } from './hub-weights.ts';
import { describeKnown, findKnownWeights } from './known-weights.ts';
import { LARGEST, type ResolvedWeights } from './resolved-weights.ts';
import { type AddressName, parseWeightsName } from './weights-name.ts';

/**
 * Finds the file that a name means, and fetches it when it is not in the cache. Undefined for
 * `none`. Throws `FM_CONFIG` for what is no name and `FM_DOWNLOAD` for what cannot be had.
 */
export async function resolveWeights(
  name: string,
  options: DownloadOptions = {},
): Promise<ResolvedWeights | undefined> {
  const parsed = parseWeightsName(name);
  if (parsed.kind === 'none') return undefined;
  if (parsed.kind === 'file') return { path: parsed.path, name: parsed.path };
  return parsed.kind === 'hub'
    ? await hubWeights(parsed, options)
    : await addressWeights(parsed, options);
}

async function addressWeights(
  { url, sha256: digits, place }: AddressName,
  options: DownloadOptions,
): Promise<ResolvedWeights> {
  const path = join(cacheFolder('weights'), 'https', ...place.split('/'));
  const request = { url, target: path, label: place, sha256: digits, limit: LARGEST };
  const sha256 = await download(request, options);
  const exact = `${url}#sha256=${sha256}`;
  return { path, name: exact, sha256, ...describeKnown(findKnownWeights(url), exact) };
}
