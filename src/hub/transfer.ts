// One answer of a server written to a part: from the byte where the part ends, or from the first.

import { Pace } from '../core/progress.ts';
import type { DownloadOptions, DownloadRequest } from './download-request.ts';
import { get, HttpProblem, Watch } from './http.ts';
import type { PartFile, PartOrigin } from './part-file.ts';

/**
 * Asks once for what the part lacks and writes it down. Afterwards the part has all bytes; whatever
 * keeps it from that is thrown, and what has arrived stays when it can be of use. `reached` is told
 * the size as it grows.
 */
export async function transfer(
  request: DownloadRequest,
  part: PartFile,
  options: DownloadOptions,
  reached: (bytes: number) => void,
): Promise<void> {
  const before = await usablePart(request, part);
  if (before.complete) return;
  const watch = new Watch(options);
  const connection = { ...options, token: request.token, signal: watch.signal };
  let response: Response | undefined;
  try {
    response = await get(request.url, rangeHeaders(before), connection);
    const origin = originOf(request, response);
    const resumed = response.status === 206;
    if (resumed && !continues(response, before, origin)) throw await changed(part);
    const { known, most } = await sizeOf(request, origin, part);
    const progress = progressOf(request, options, known);
    await receive(response, part, {
      most,
      known,
      from: resumed ? before.size : 0,
      fresh: resumed ? undefined : origin,
      arrived: (size) => {
        watch.heard();
        reached(size);
        progress(size);
      },
    });
  } catch (cause) {
    if (cause instanceof HttpProblem && cause.status === 416) throw await changed(part);
    throw cause;
  } finally {
    watch.stop();
    await response?.body?.cancel().catch(() => {});
  }
}

interface Reception {
  /** Bytes of the whole file; undefined where only a limit is known. */
  readonly known: number | undefined;
  /** The most that the file may have. */
  readonly most: number;
  /** Bytes that the part has already. */
  readonly from: number;
  /** Empties the part first. */
  readonly fresh: PartOrigin | undefined;
  readonly arrived: (size: number) => void;
}

async function receive(response: Response, part: PartFile, reception: Reception): Promise<void> {
  const { known, most, from, fresh, arrived } = reception;
  const file = await part.open(fresh);
  try {
    let size = from;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > most) throw await tooLarge(part, most);
      await orFailed(part, file.writeFile(chunk));
      arrived(size);
    }
    if (known !== undefined && size < known)
      throw new HttpProblem('half a file', { passing: true });
    await orFailed(part, file.sync());
  } finally {
    await file.close();
  }
}

interface UsablePart {
  readonly size: number;
  readonly version: string;
  readonly total: number | null;
  readonly complete: boolean;
}

const NOTHING: UsablePart = { size: 0, version: '', total: null, complete: false };

/** What may be continued: bytes of this file, of which a change would be noticed. */
async function usablePart({ url, sha256, bytes }: DownloadRequest, part: PartFile) {
  const origin = await part.origin();
  const noticed = sha256 !== undefined || Boolean(origin?.version);
  if (origin?.url !== url || !noticed) return NOTHING;
  const { version, total } = origin;
  const size = await part.size();
  const whole = bytes ?? total ?? Infinity;
  return size > whole ? NOTHING : { size, version, total, complete: size === whole };
}

function rangeHeaders({ size, version }: UsablePart): Record<string, string> {
  if (size === 0) return { 'accept-encoding': 'identity' };
  const condition: Record<string, string> = version === '' ? {} : { 'if-range': version };
  return { 'accept-encoding': 'identity', range: `bytes=${size}-`, ...condition };
}

function originOf({ url }: DownloadRequest, { status, headers }: Response): PartOrigin {
  const etag = headers.get('etag') ?? '';
  const strong = etag.startsWith('"') ? etag : '';
  const version = strong || (headers.get('last-modified') ?? '');
  if (status === 206) return { url, version, total: rangeOf(headers)?.total ?? null };
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  const length = headers.get('content-length');
  return { url, version, total: length === null || encoded ? null : Number(length) };
}

function rangeOf(headers: Headers): { start: number; total: number | null } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === '*' ? null : Number(match[2]) };
}

/** Whether an answer of status 206 goes on where the part ends, in the same version of the file. */
function continues(response: Response, before: UsablePart, now: PartOrigin): boolean {
  const same = now.version === '' || before.version === '' || now.version === before.version;
  const long = now.total === null || before.total === null || now.total === before.total;
  const next = rangeOf(response.headers)?.start === before.size;
  return before.size > 0 && same && long && next;
}

async function changed(part: PartFile): Promise<HttpProblem> {
  await part.drop();
  return new HttpProblem('another version of the file than before', { passing: true });
}

/** The size where it is known, and the most that is believed. */
async function sizeOf(
  { bytes, limit }: DownloadRequest,
  { total }: PartOrigin,
  part: PartFile,
): Promise<{ known: number | undefined; most: number }> {
  const known = bytes ?? total ?? undefined;
  if (known !== undefined && known > limit) throw await tooLarge(part, limit);
  if (bytes !== undefined && total !== null && total !== bytes) {
    await part.drop();
    throw new HttpProblem(`a file of ${total} bytes in place of ${bytes}`);
  }
  return { known, most: known ?? limit };
}

async function tooLarge(part: PartFile, limit: number): Promise<HttpProblem> {
  await part.drop();
  return new HttpProblem(`more than ${limit} bytes, which cannot be right`);
}

async function orFailed(part: PartFile, work: Promise<void>): Promise<void> {
  await work.catch(async (cause) => {
    throw await part.failed(cause);
  });
}

/** Milliseconds between two reports. */
const REPORT_EVERY = 200;

function progressOf(
  { label }: DownloadRequest,
  { progress }: DownloadOptions,
  total: number | undefined,
): (bytes: number) => void {
  const pace = new Pace();
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
  let next = 0;
  return (bytes) => {
    if (total === undefined || (bytes < total && performance.now() < next)) return;
    next = performance.now() + REPORT_EVERY;
    const { perSecond, secondsLeft } = pace.measure(bytes / 1e6, total / 1e6);
    const [done, all] = [megabytes(bytes), megabytes(total)];
    progress?.({ task: `fetching ${label}`, done, total: all, unit: 'MB', perSecond, secondsLeft });
  };
}
