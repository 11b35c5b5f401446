// One file from a server into the cache. It is resumed where it was cut, verified, and under its
// name it is whole or not there at all.

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail } from '../core/errors.ts';
import { diskError } from '../formats/atomic-file.ts';
import { hashFile } from '../formats/hash-file.ts';
import { takeLock } from '../formats/lock-file.ts';
import type { DownloadOptions, DownloadRequest } from './download-request.ts';
import { type HttpOptions, HttpProblem, withPatience } from './http.ts';
import { PartFile } from './part-file.ts';
import { transfer } from './transfer.ts';

/**
 * Sees to it that the file stands at its target and is the right one. Returns its SHA-256. Several
 * processes may ask for the same file: one fetches it, the others wait. Throws `FM_DOWNLOAD`.
 */
export async function download(
  request: DownloadRequest,
  options: DownloadOptions = {},
): Promise<string> {
  const cached = await cachedHash(request, options);
  if (cached !== undefined) return cached;
  if (options.offline) throw byHand(request, 'no file, and --offline');
  const release = await lockTarget(request, options);
  try {
    // another process may have fetched it in the meantime
    return (await cachedHash(request, {})) ?? (await fetchVerified(request, options));
  } catch (cause) {
    throw cause instanceof HttpProblem ? serverError(request, cause) : cause;
  } finally {
    await release();
  }
}

/** The SHA-256 of the file that stands there; undefined when it has to be fetched. */
async function cachedHash(
  request: DownloadRequest,
  { offline, note }: DownloadOptions,
): Promise<string | undefined> {
  const found = await stat(request.target).catch(() => undefined);
  if (found === undefined) return undefined;
  const hash = found.isFile() ? await hashFile(request.target) : '';
  if (isRight(request, hash, found.size)) return hash;
  const problem = `another file, with SHA-256 ${hash}`;
  if (offline) throw byHand(request, `${problem}, and --offline`);
  note?.(`${request.target}: ${problem}; fetching it again`);
  return undefined;
}

function isRight({ sha256 = '', bytes }: DownloadRequest, hash: string, size: number): boolean {
  return hash !== '' && hash.startsWith(sha256) && (bytes === undefined || bytes === size);
}

async function lockTarget(
  { target, label }: DownloadRequest,
  { note, signal }: DownloadOptions,
): Promise<() => Promise<void>> {
  await mkdir(dirname(target), { recursive: true }).catch((cause) => {
    throw diskError(dirname(target), cause);
  });
  let told = false;
  return await takeLock(`${target}.lock`, ({ pid }) => {
    signal?.throwIfAborted();
    if (!told) note?.(`${label}: waiting for process ${pid}, which is fetching it`);
    told = true;
  });
}

/** A file that arrives damaged is fetched once more, from its first byte. */
async function fetchVerified(request: DownloadRequest, options: DownloadOptions): Promise<string> {
  const part = new PartFile(request.target);
  for (let attempt = 1; ; attempt++) {
    let reached = 0;
    const work = () => transfer(request, part, options, (bytes) => (reached = bytes));
    await withPatience(work, noteAbout(request, options), () => reached);
    const hash = await hashFile(part.path);
    if (isRight(request, hash, await part.size())) {
      await part.finish();
      return hash;
    }
    await part.drop();
    if (attempt === 2) throw damaged(request, hash);
    options.note?.(`${request.label}: arrived damaged; fetching it once more`);
  }
}

function noteAbout({ label }: DownloadRequest, options: DownloadOptions): HttpOptions {
  return { ...options, note: (text) => options.note?.(`${label}: ${text}`) };
}

function damaged(request: DownloadRequest, hash: string) {
  const { label, sha256, url, target } = request;
  return fail('FM_DOWNLOAD', label, {
    expected: `a file with SHA-256 ${sha256}`,
    got: `${hash}, twice`,
    next: `Check the address, or fetch ${url} by hand and save it as ${target}.`,
  });
}

function byHand({ label, url, target }: DownloadRequest, got: string, cause?: unknown) {
  const next = `Fetch ${url} and save it as ${target}.`;
  return fail('FM_DOWNLOAD', label, { expected: 'the file in the cache', got, next, cause });
}

/** A problem with a server, with what to do about it. */
export function serverError(request: DownloadRequest, problem: HttpProblem) {
  const { status, message } = problem;
  if (status === 404 || status === 410) return refusal(request, problem, 'Check the name.');
  if (status === 401 || status === 403) {
    const next = 'Check the name; for a private repository put a token into HF_TOKEN.';
    return refusal(request, problem, next);
  }
  return byHand(request, `no file, and from the server ${message}`, problem);
}

function refusal({ label, url }: DownloadRequest, cause: HttpProblem, next: string) {
  return fail('FM_DOWNLOAD', label, {
    expected: `a file at ${url}`,
    got: cause.message,
    next,
    cause,
  });
}
